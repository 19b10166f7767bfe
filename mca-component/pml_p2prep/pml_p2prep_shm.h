/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_shm.h - what the files of the shared-memory transport share
 *
 * Each process owns one segment, a sparse file: a page that tells who it is, then one ring per
 * local process, written by that process alone. A ring's memory is taken by its writer with its
 * first message; a bit in the first page then tells the owner to poll it. The file's name goes as
 * soon as all local processes have opened it, or with its owner; its owner holds a lock on it, so
 * that a later job finds and removes the file of an owner that was killed before that. */
#ifndef MCA_PML_P2PREP_SHM_H
#define MCA_PML_P2PREP_SHM_H

#include "mca-component/pml_p2prep/pml_p2prep_transport.h"

#include <stdatomic.h>
#include <sys/types.h>

#include "ring/ring.h"

#define SHM_MAGIC     0x7032707265703031u /* "p2prep01" */
#define SHM_PAGE      4096
#define SHM_SLOTS_MAX 1024
#define SHM_WORDS     (SHM_SLOTS_MAX / 64)
#define SHM_PATH_MAX  256
#define SHM_KNOWN_MS  20

/* The first page of a segment. */
struct shm_front {
    uint64_t magic;
    unsigned char cookie[16];
    uint32_t slots;
    uint64_t ring_size;
    _Alignas(RING_LINE) _Atomic uint64_t opened[SHM_WORDS];  /* slots that have the file open */
    _Alignas(RING_LINE) _Atomic uint64_t writing[SHM_WORDS]; /* slots whose ring is in use */
};

/* A process's segment; its owner has all of it mapped. */
struct shm_segment {
    char path[SHM_PATH_MAX]; /* empty when the name is gone */
    int fd;
    struct shm_front *front;
    size_t bytes;
    uint32_t slot, slots;
    uint64_t group;
    size_t ring_size;
};

/* What a peer must know of a segment. */
struct shm_card {
    uint64_t magic;
    unsigned char host[16]; /* the kernel's boot id */
    uint64_t group;         /* the launcher's word for the host: several may share a kernel */
    unsigned char cookie[16];
    uint64_t cookie_at; /* where the owner's memory has the cookie */
    uint64_t ring_size;
    uint32_t pid, slot, slots;
    char path[SHM_PATH_MAX];
};

/* 0, or -1 with a sentence and nothing left behind. directory NULL: /dev/shm. */
int shm_segment_create(struct shm_segment *segment, const struct p2prep_setup *setup,
                       const unsigned char cookie[16], struct err *err);
void shm_segment_destroy(struct shm_segment *segment);
/* Removes the name once everybody has opened the file. */
void shm_segment_unname(struct shm_segment *segment);
void *shm_segment_ring(const struct shm_segment *segment, uint32_t slot);

/* Opens a peer's segment and notes in it that my slot has it open: a descriptor, or -1:
 * EHOSTUNREACH when it is not on this host. */
int shm_peer_open(const struct shm_card *card, uint32_t my_slot, struct err *err);

/* What I have mapped of a peer's segment: its first page and my ring in it. */
struct shm_window {
    struct shm_front *front;
    void *ring;
    size_t ring_bytes;
};

/* Takes the memory of my ring and tells the owner to poll it. -1 with a sentence: no memory. */
int shm_window_open(struct shm_window *window, int fd, const struct shm_card *card,
                    uint32_t my_slot, struct err *err);
void shm_window_close(struct shm_window *window);

/* Boot id of this kernel. */
void shm_host_id(unsigned char id_out[16]);

/* Another process's memory. */
struct shm_reach {
    pid_t pid;
    uint64_t cookie_at;
    unsigned char cookie[16];
    int64_t known_until_ms; /* till then its number is its own */
};

/* Copies size bytes from the peer's memory; 0, or -1: ESRCH (it is dead: its number may already
 * belong to a stranger: the cookie tells, looked at every
 * SHM_KNOWN_MS, in which no kernel gives out all numbers), EPERM, EFAULT. size 0 tries whether it
 * can be reached at all. */
int shm_reach_get(struct shm_reach *reach, void *local, uint64_t remote, size_t size);

#endif
