/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_shm_seg.c - segments: files in /dev/shm that hold the rings towards one process */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mca-component/pml_p2prep/pml_p2prep_shm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NAME_START "p2prep."
#define SWEEP_MAX  4096 /* directory entries looked at, at most */

void shm_host_id(unsigned char id_out[16])
{
    char text[64] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    size_t n = 0;

    memset(id_out, 0, 16);
    if (fd < 0)
        return;
    if (read(fd, text, sizeof text - 1) < 0)
        text[0] = '\0';
    close(fd);
    for (const char *p = text; *p != '\0' && n < 32; p++) {
        const char *digits = "0123456789abcdef", *digit = strchr(digits, *p);

        if (digit == NULL)
            continue;
        id_out[n / 2] = (unsigned char)(id_out[n / 2] << 4 | (digit - digits));
        n++;
    }
}

static size_t ring_stride(size_t ring_size)
{
    return ring_size + SHM_PAGE; /* a ring's own words take a line of the page before its data */
}

static off_t ring_offset(uint32_t slot, size_t ring_size)
{
    return (off_t)(SHM_PAGE + slot * ring_stride(ring_size));
}

/* The file of a process that was killed before its name went: nobody holds its lock. */
static void sweep_one(int directory, const char *name)
{
    struct stat st;
    int fd = openat(directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
        flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(directory, name, 0);
    close(fd);
}

static void sweep(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;

    if (directory == NULL)
        return;
    for (int n = 0; n < SWEEP_MAX && (entry = readdir(directory)) != NULL; n++)
        if (strncmp(entry->d_name, NAME_START, strlen(NAME_START)) == 0)
            sweep_one(dirfd(directory), entry->d_name);
    closedir(directory);
}

static void file_name(char *out, const struct p2prep_setup *setup, const unsigned char cookie[16])
{
    const char *job = setup->job != NULL ? setup->job : "job";
    int n = snprintf(out, SHM_PATH_MAX, "%.128s/" NAME_START,
                     setup->directory != NULL ? setup->directory : "/dev/shm");

    for (; *job != '\0' && n < SHM_PATH_MAX - 64; job++)
        out[n++] = *job == '/' || *job < '!' || *job > '~' ? '_' : *job;
    snprintf(out + n, (size_t)(SHM_PATH_MAX - n), ".%llu.%02x%02x%02x%02x",
             (unsigned long long)setup->self, cookie[0], cookie[1], cookie[2], cookie[3]);
}

/* A sweeping neighbour may take the lock, and the name, of a file that has only just been made. */
static int create_locked(const char *path, struct err *err)
{
    for (int tries = 0; tries < 100; tries++) {
        struct stat st;
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
            return err_sys(err, "cannot create %s", path);
        if (flock(fd, LOCK_EX) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0)
            return fd;
        close(fd);
    }
    return err_set(err, "cannot create %s: it vanishes as soon as it is made", path);
}

/* The first page must be there for good: a touch of a file that cannot grow would kill us. */
static int map_segment(struct shm_segment *segment, struct err *err)
{
    if (ftruncate(segment->fd, (off_t)segment->bytes) != 0)
        return err_sys(err, "cannot make %s %zu bytes long", segment->path, segment->bytes);
    errno = posix_fallocate(segment->fd, 0, SHM_PAGE);
    if (errno != 0)
        return err_sys(err, "no room for %s", segment->path);
    segment->front = mmap(NULL, segment->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, segment->fd, 0);
    if (segment->front == MAP_FAILED) {
        segment->front = NULL;
        return err_sys(err, "cannot map %s", segment->path);
    }
    return 0;
}

int shm_segment_create(struct shm_segment *segment, const struct p2prep_setup *setup,
                       const unsigned char cookie[16], struct err *err)
{
    size_t ring_size = setup->ring_size != 0 ? setup->ring_size : 256 * 1024;
    struct ring_writer check;

    if (setup->slots == 0 || setup->slots > SHM_SLOTS_MAX || setup->slot >= setup->slots)
        return err_set(err, "local rank %u of %u is not below %d", setup->slot, setup->slots,
                       SHM_SLOTS_MAX);
    if (ring_writer_init(&check, NULL, ring_size) != 0)
        return err_set(err, "a ring of %zu bytes is not possible: give a power of two from %d on",
                       ring_size, RING_SIZE_MIN);
    *segment = (struct shm_segment){
        .fd = -1, .slot = setup->slot, .slots = setup->slots, .group = setup->host};
    segment->ring_size = ring_size;
    segment->bytes = (size_t)ring_offset(setup->slots, ring_size);
    file_name(segment->path, setup, cookie);
    sweep(setup->directory != NULL ? setup->directory : "/dev/shm");
    segment->fd = create_locked(segment->path, err);
    if (segment->fd < 0)
        return -1;
    if (map_segment(segment, err) != 0) {
        shm_segment_destroy(segment);
        return -1;
    }
    segment->front->slots = setup->slots;
    segment->front->ring_size = ring_size;
    memcpy(segment->front->cookie, cookie, 16);
    segment->front->magic = SHM_MAGIC;
    atomic_fetch_or(&segment->front->opened[setup->slot / 64], UINT64_C(1) << setup->slot % 64);
    return 0;
}

static void remove_name(struct shm_segment *segment)
{
    if (segment->path[0] != '\0')
        unlink(segment->path);
    segment->path[0] = '\0';
}

void shm_segment_destroy(struct shm_segment *segment)
{
    remove_name(segment);
    if (segment->front != NULL)
        munmap(segment->front, segment->bytes);
    if (segment->fd >= 0)
        close(segment->fd);
    segment->front = NULL;
    segment->fd = -1;
}

void shm_segment_unname(struct shm_segment *segment)
{
    if (segment->path[0] == '\0')
        return;
    for (uint32_t slot = 0; slot < segment->slots; slot++)
        if ((atomic_load(&segment->front->opened[slot / 64]) >> slot % 64 & 1) == 0)
            return;
    remove_name(segment);
}

void *shm_segment_ring(const struct shm_segment *segment, uint32_t slot)
{
    return (char *)segment->front + ring_offset(slot, segment->ring_size) + SHM_PAGE -
           sizeof(struct ring_shared);
}

static struct shm_front *map_front(int fd)
{
    void *front = mmap(NULL, SHM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return front == MAP_FAILED ? NULL : front;
}

int shm_peer_open(const struct shm_card *card, uint32_t my_slot, struct err *err)
{
    struct shm_front *front;
    struct stat st;
    bool is_right;
    int fd = open(card->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0) {
        bool is_elsewhere = errno == ENOENT || errno == EACCES || errno == ELOOP || errno == ENXIO;

        err_sys(err, "cannot open %s", card->path);
        errno = is_elsewhere ? EHOSTUNREACH : errno;
        return -1;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
        st.st_size < ring_offset(card->slots, card->ring_size)) {
        close(fd);
        errno = EHOSTUNREACH;
        return -1;
    }
    front = map_front(fd);
    if (front == NULL) {
        err_sys(err, "cannot map %s", card->path);
        close(fd);
        return -1;
    }
    is_right = front->magic == SHM_MAGIC && memcmp(front->cookie, card->cookie, 16) == 0;
    if (is_right)
        atomic_fetch_or(&front->opened[my_slot / 64], UINT64_C(1) << my_slot % 64);
    munmap(front, SHM_PAGE);
    if (!is_right) {
        close(fd);
        errno = EHOSTUNREACH;
        return -1;
    }
    return fd;
}

int shm_window_open(struct shm_window *window, int fd, const struct shm_card *card,
                    uint32_t my_slot, struct err *err)
{
    off_t offset = ring_offset(my_slot, card->ring_size);
    size_t bytes = ring_stride(card->ring_size);
    char *pages;

    errno = posix_fallocate(fd, offset, (off_t)bytes);
    if (errno != 0)
        return err_sys(err, "no room for a ring of %zu bytes in %s", bytes, card->path);
    pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
    if (pages == MAP_FAILED)
        return err_sys(err, "cannot map %s", card->path);
    window->front = map_front(fd);
    if (window->front == NULL) {
        munmap(pages, bytes);
        return err_sys(err, "cannot map %s", card->path);
    }
    window->ring = pages + SHM_PAGE - sizeof(struct ring_shared);
    window->ring_bytes = bytes;
    atomic_fetch_or(&window->front->writing[my_slot / 64], UINT64_C(1) << my_slot % 64);
    return 0;
}

void shm_window_close(struct shm_window *window)
{
    if (window->front == NULL)
        return;
    munmap((char *)window->ring - SHM_PAGE + sizeof(struct ring_shared), window->ring_bytes);
    munmap(window->front, SHM_PAGE);
    window->front = NULL;
}

static int64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One call reads payload and cookie: both come from the same process. */
static ssize_t read_known(struct shm_reach *reach, void *local, uint64_t remote, size_t size)
{
    unsigned char cookie[16];
    struct iovec here[2] = {{cookie, sizeof cookie}, {local, size}};
    struct iovec there[2] = {{(void *)(uintptr_t)reach->cookie_at, sizeof cookie},
                             {(void *)(uintptr_t)remote, size}};
    int64_t now = clock_ms();
    ssize_t n = process_vm_readv(reach->pid, here, 2, there, 2, 0);

    if (n < 0)
        return -1;
    if (n < (ssize_t)sizeof cookie || memcmp(cookie, reach->cookie, sizeof cookie) != 0) {
        errno = ESRCH;
        return -1;
    }
    reach->known_until_ms = now + SHM_KNOWN_MS;
    return n - (ssize_t)sizeof cookie;
}

static ssize_t read_some(struct shm_reach *reach, void *local, uint64_t remote, size_t size)
{
    struct iovec here = {local, size}, there = {(void *)(uintptr_t)remote, size};

    if (size == 0 || clock_ms() >= reach->known_until_ms)
        return read_known(reach, local, remote, size);
    return process_vm_readv(reach->pid, &here, 1, &there, 1, 0);
}

int shm_reach_get(struct shm_reach *reach, void *local, uint64_t remote, size_t size)
{
    size_t done = 0;

    do {
        size_t want = size - done < (1u << 30) ? size - done : 1u << 30;
        ssize_t n = read_some(reach, (char *)local + done, remote + done, want);

        if (n < 0)
            return -1;
        if (n == 0 && want > 0) {
            errno = EFAULT;
            return -1;
        }
        done += (size_t)n;
    } while (done < size);
    return 0;
}
