/* SPDX-License-Identifier: BSD-3-Clause */
/* fetchout.c - results, the host's part: finds files that ranks made or changed and sends them home
 */
#include "config.h"
#include "stage/fetchout.h"

#include "base/err.h"
#include "base/mem.h"
#include "stage/pattern.h"
#include "stage/staged.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define DEPTH_MAX  64  /* directories within directories */
#define LOOK_FILES 256 /* entries looked at in one fetchout_work() */

struct level { /* a directory being listed */
    DIR *dir;
    char *path; /* below work/, "" for work/ itself */
};

struct fetchout {
    char *job;
    char **patterns;
    size_t pattern_count;
    struct fetchout_calls calls;
    struct staged *staged;
    struct level levels[DEPTH_MAX];
    size_t depth;
    bool is_done;

    int fd;         /* of the file that is being sent, or -1 */
    uint32_t index; /* its number */
    uint64_t size, offset;
    uint64_t sent, acked;
    uint8_t *piece, *packed;
    ZSTD_CCtx *compressor;

    unsigned faults;
    struct err first_fault;
};

static void fault(struct fetchout *fetchout, const char *path)
{
    if (fetchout->faults++ == 0)
        err_sys(&fetchout->first_fault, "cannot fetch %s", path);
}

/* Takes fd and path. */
static void enter(struct fetchout *fetchout, int fd, char *path)
{
    DIR *dir = NULL;

    errno = fd < 0 ? errno : ENAMETOOLONG;
    if (fd >= 0 && fetchout->depth < DEPTH_MAX)
        dir = fdopendir(fd);
    if (dir == NULL) {
        fault(fetchout, path[0] != '\0' ? path : "the job's directory");
        if (fd >= 0)
            close(fd);
        free(path);
        return;
    }
    fetchout->levels[fetchout->depth++] = (struct level){dir, path};
}

static void leave(struct fetchout *fetchout)
{
    struct level *level = &fetchout->levels[--fetchout->depth];

    closedir(level->dir);
    free(level->path);
}

struct fetchout *fetchout_create(const char *dir, const Wire__FetchRequest *request,
                                 const struct fetchout_calls *calls)
{
    struct fetchout *fetchout = mem_alloc(sizeof *fetchout);
    char *list = mem_format("%s/staged", dir), *work = mem_format("%s/work", dir);

    fetchout->job = mem_string(request->job);
    fetchout->calls = *calls;
    fetchout->fd = -1;
    fetchout->patterns = mem_array(request->n_patterns, sizeof(char *));
    fetchout->pattern_count = request->n_patterns;
    for (size_t i = 0; i < request->n_patterns; i++)
        fetchout->patterns[i] = mem_string(request->patterns[i]);
    fetchout->staged = staged_read(list);
    enter(fetchout, open(work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), mem_string(""));
    free(list);
    free(work);
    return fetchout;
}

static void close_file(struct fetchout *fetchout)
{
    if (fetchout->fd >= 0)
        close(fetchout->fd);
    fetchout->fd = -1;
}

void fetchout_destroy(struct fetchout *fetchout)
{
    if (fetchout == NULL)
        return;
    while (fetchout->depth > 0)
        leave(fetchout);
    close_file(fetchout);
    for (size_t i = 0; i < fetchout->pattern_count; i++)
        free(fetchout->patterns[i]);
    free(fetchout->patterns);
    staged_destroy(fetchout->staged);
    ZSTD_freeCCtx(fetchout->compressor);
    free(fetchout->piece);
    free(fetchout->packed);
    free(fetchout->job);
    free(fetchout);
}

bool fetchout_is_done(const struct fetchout *fetchout)
{
    return fetchout->is_done;
}

/* ---------------------------------------------------------------- finding */

static void send_file(struct fetchout *fetchout, const char *path, const struct stat *st)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__FetchFile file = WIRE__FETCH_FILE__INIT;

    frame.body_case = WIRE__FRAME__BODY_FETCH_FILE;
    frame.fetch_file = &file;
    file.job = fetchout->job;
    file.path = (char *)path;
    file.size = fetchout->size;
    file.mode = st->st_mode & 0777;
    file.index = fetchout->index;
    fetchout->sent += FETCH_FILE_BYTES;
    fetchout->calls.send(fetchout->calls.arg, &frame);
}

static void begin_file(struct fetchout *fetchout, int dir, const char *name, const char *path)
{
    struct stat st;

    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        fault(fetchout, path);
        if (fd >= 0)
            close(fd);
        return;
    }
    fetchout->fd = fd;
    fetchout->index++;
    fetchout->size = (uint64_t)st.st_size;
    fetchout->offset = 0;
    send_file(fetchout, path, &st);
}

static void look_at(struct fetchout *fetchout, const struct level *level, const char *name)
{
    struct stat st;
    char *path = level->path[0] == '\0' ? mem_string(name) : mem_format("%s/%s", level->path, name);
    int dir = dirfd(level->dir);

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        fault(fetchout, path);
    } else if (S_ISDIR(st.st_mode)) {
        enter(fetchout, openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), path);
        return;
    } else if (S_ISREG(st.st_mode) &&
               pattern_matches(fetchout->patterns, fetchout->pattern_count, path) &&
               !staged_is_same(fetchout->staged, path, &st)) {
        begin_file(fetchout, dir, name, path);
    }
    free(path);
}

static void finish(struct fetchout *fetchout)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__FetchEnd end = WIRE__FETCH_END__INIT;
    struct err more;

    frame.body_case = WIRE__FRAME__BODY_FETCH_END;
    frame.fetch_end = &end;
    end.job = fetchout->job;
    if (fetchout->faults == 1)
        end.error = fetchout->first_fault.text;
    if (fetchout->faults > 1) {
        err_set(&more, "%.400s (and %u more)", fetchout->first_fault.text, fetchout->faults - 1);
        end.error = more.text;
    }
    fetchout->is_done = true;
    fetchout->calls.send(fetchout->calls.arg, &frame);
}

/* Lists until a file is to be sent, or for long enough. */
static void search(struct fetchout *fetchout)
{
    for (unsigned i = 0; i < LOOK_FILES && fetchout->depth > 0 && fetchout->fd < 0; i++) {
        const struct level *level = &fetchout->levels[fetchout->depth - 1];
        const struct dirent *entry = readdir(level->dir);
        if (entry == NULL)
            leave(fetchout);
        else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            look_at(fetchout, level, entry->d_name);
    }
    if (fetchout->depth == 0 && fetchout->fd < 0)
        finish(fetchout);
}

/* ---------------------------------------------------------------- sending */

static int read_piece(struct fetchout *fetchout, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(fetchout->fd, fetchout->piece + done, length - done,
                            (off_t)(fetchout->offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = EIO; /* it became shorter: somebody still writes */
        if (got <= 0)
            return -1;
        done += (size_t)got;
    }
    return 0;
}

static int pack_piece(struct fetchout *fetchout, size_t length, size_t *size_out)
{
    size_t room = ZSTD_compressBound(PIECE_MAX);

    if (fetchout->piece == NULL) {
        fetchout->piece = mem_alloc(PIECE_MAX);
        fetchout->packed = mem_alloc(room);
        fetchout->compressor = ZSTD_createCCtx();
    }
    *size_out = 0;
    if (length == 0)
        return 0;
    if (fetchout->compressor == NULL || read_piece(fetchout, length) < 0)
        return -1;
    *size_out =
        ZSTD_compressCCtx(fetchout->compressor, fetchout->packed, room, fetchout->piece, length, 1);
    return ZSTD_isError(*size_out) ? -1 : 0;
}

/* A file that cannot be read to its end is closed with an empty piece before it: the other side
 * drops it. */
static void send_piece(struct fetchout *fetchout)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__FetchData data = WIRE__FETCH_DATA__INIT;
    uint64_t left = fetchout->size - fetchout->offset;
    size_t length = left < PIECE_MAX ? (size_t)left : PIECE_MAX, size;
    bool has_failed = pack_piece(fetchout, length, &size) < 0;

    if (has_failed) {
        fault(fetchout, "a file to its end");
        length = size = 0;
    }
    frame.body_case = WIRE__FRAME__BODY_FETCH_DATA;
    frame.fetch_data = &data;
    data.job = fetchout->job;
    data.index = fetchout->index;
    data.offset = fetchout->offset;
    data.data.data = fetchout->packed;
    data.data.len = size;
    data.last = has_failed || left == length;
    fetchout->offset += length;
    fetchout->sent += length;
    if (data.last)
        close_file(fetchout);
    fetchout->calls.send(fetchout->calls.arg, &frame);
}

void fetchout_ack(struct fetchout *fetchout, uint64_t bytes)
{
    if (bytes > fetchout->acked && bytes <= fetchout->sent)
        fetchout->acked = bytes;
}

static bool has_window(const struct fetchout *fetchout)
{
    return fetchout->sent - fetchout->acked < FETCH_WINDOW;
}

bool fetchout_work(struct fetchout *fetchout)
{
    if (fetchout->is_done || !has_window(fetchout))
        return false;
    if (fetchout->fd >= 0)
        send_piece(fetchout);
    else
        search(fetchout);
    return !fetchout->is_done && has_window(fetchout);
}
