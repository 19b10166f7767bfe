/* SPDX-License-Identifier: BSD-3-Clause */
/* supply.c - the home's part of staging one job: offers, and the content that hosts want, within a
 * window
 *
 * Each host gets its files one after the other, in the order in which it asked. An acknowledgement
 * moves its window and so asks for the next pieces: a slow host or link holds up nobody else. */
#include "config.h"
#include "stage/supply.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>
#include <zstd.h>

#define HASH_SIZE   32
#define KEPT_PIECES 32 /* compressed, at most about 8 MiB */
#define LEVEL       1
#define LEVEL_DENSE (-50) /* for content that did not shrink: little more than a copy */

struct content {
    Wire__File *file; /* borrowed; the first one with this hash */
    bool is_dense;
    UT_hash_handle hh;
};

struct position { /* in what one host asked for */
    size_t index;
    uint64_t offset;
    uint64_t total; /* bytes before here */
};

enum host_state { HOST_OFFERED, HOST_TAKING, HOST_DONE };

struct host {
    uint32_t number;
    enum host_state state;
    struct content **wants;
    size_t want_count;
    uint64_t bytes; /* of all that it wants */
    struct position sent, acked;
    UT_hash_handle hh;
};

struct piece {
    const struct content *content; /* NULL: none */
    uint64_t offset, used;         /* used: when, counted in pieces */
    uint8_t *bytes;
    size_t size;
};

struct supply {
    char *job;
    Wire__File *const *files; /* borrowed */
    size_t count;
    Wire__Needs *needs; /* borrowed */
    struct supply_calls calls;
    struct content *contents;
    struct host *hosts;
    struct piece pieces[KEPT_PIECES];
    uint64_t clock; /* of pieces used */
    const struct content *open_content;
    int open_fd;
    ZSTD_CCtx *compressor;
    uint8_t *buffer, *packed;
};

struct supply *supply_create(const char *job, Wire__File *const *files, size_t count,
                             Wire__Needs *needs, const struct supply_calls *calls)
{
    struct supply *supply = mem_alloc(sizeof *supply);

    supply->job = mem_string(job);
    supply->files = files;
    supply->count = count;
    supply->needs = needs;
    supply->calls = *calls;
    supply->open_fd = -1;
    for (size_t i = 0; i < count; i++) {
        struct content *content = NULL;
        if (files[i]->hash.len != HASH_SIZE)
            continue;
        HASH_FIND(hh, supply->contents, files[i]->hash.data, HASH_SIZE, content);
        if (content != NULL)
            continue;
        content = mem_alloc(sizeof *content);
        content->file = files[i];
        HASH_ADD_KEYPTR(hh, supply->contents, files[i]->hash.data, HASH_SIZE, content);
    }
    return supply;
}

static void host_free(struct supply *supply, struct host *host)
{
    HASH_DEL(supply->hosts, host);
    free(host->wants);
    free(host);
}

static void close_content(struct supply *supply)
{
    if (supply->open_fd >= 0)
        close(supply->open_fd);
    supply->open_fd = -1;
    supply->open_content = NULL;
}

/* When nobody takes anything more: descriptors and buffers are not kept for the length of the job.
 */
static void drop_buffers(struct supply *supply)
{
    close_content(supply);
    for (size_t i = 0; i < KEPT_PIECES; i++)
        free(supply->pieces[i].bytes);
    memset(supply->pieces, 0, sizeof supply->pieces);
    ZSTD_freeCCtx(supply->compressor);
    free(supply->buffer);
    free(supply->packed);
    supply->compressor = NULL;
    supply->buffer = supply->packed = NULL;
}

void supply_destroy(struct supply *supply)
{
    struct host *host, *next_host;
    struct content *content, *next;

    if (supply == NULL)
        return;
    HASH_ITER(hh, supply->hosts, host, next_host)
    host_free(supply, host);
    HASH_ITER(hh, supply->contents, content, next)
    {
        HASH_DEL(supply->contents, content);
        free(content);
    }
    drop_buffers(supply);
    free(supply->job);
    free(supply);
}

static struct host *host_find(const struct supply *supply, uint32_t number)
{
    struct host *host;

    HASH_FIND(hh, supply->hosts, &number, sizeof number, host);
    return host;
}

bool supply_progress(const struct supply *supply, uint64_t *done_out, uint64_t *total_out)
{
    bool is_done = true;

    *done_out = *total_out = 0;
    for (const struct host *host = supply->hosts; host != NULL; host = host->hh.next) {
        *done_out += host->acked.total;
        *total_out += host->bytes;
        is_done = is_done && host->state == HOST_DONE;
    }
    return is_done;
}

static void finish(struct supply *supply, struct host *host, const char *error)
{
    uint64_t done, total;
    uint32_t number = host->number;

    if (host->state == HOST_DONE)
        return;
    host->state = HOST_DONE;
    if (supply_progress(supply, &done, &total))
        drop_buffers(supply);
    supply->calls.done(supply->calls.arg, number, error);
}

void supply_drop(struct supply *supply, uint32_t number)
{
    struct host *host = host_find(supply, number);

    if (host != NULL)
        host_free(supply, host);
}

void supply_host(struct supply *supply, uint32_t number)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StageOffer offer = WIRE__STAGE_OFFER__INIT;

    supply_drop(supply, number);
    struct host *host = mem_alloc(sizeof *host);
    host->number = number;
    HASH_ADD(hh, supply->hosts, number, sizeof host->number, host);
    frame.body_case = WIRE__FRAME__BODY_STAGE_OFFER;
    frame.stage_offer = &offer;
    offer.job = supply->job;
    offer.files = (Wire__File **)supply->files;
    offer.n_files = supply->count;
    offer.needs = supply->needs;
    supply->calls.send(supply->calls.arg, number, &frame);
}

/* ---------------------------------------------------------------- reading and compressing */

static int open_content(struct supply *supply, const struct content *content, struct err *err)
{
    struct stat st;
    const Wire__File *file = content->file;

    if (supply->open_content == content)
        return 0;
    close_content(supply);
    int fd = open(file->origin, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        err_sys(err, "cannot read %s", file->origin);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != file->size) {
        close(fd);
        return err_set(err, "%s changed after the job was submitted: run the job again",
                       file->origin);
    }
    supply->open_fd = fd;
    supply->open_content = content;
    return 0;
}

static int read_piece(const struct supply *supply, const struct content *content, uint64_t offset,
                      size_t length, struct err *err)
{
    for (size_t done = 0; done < length;) {
        ssize_t got =
            pread(supply->open_fd, supply->buffer + done, length - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_sys(err, "cannot read %s", content->file->origin);
        if (got == 0)
            return err_set(err, "%s changed after the job was submitted: run the job again",
                           content->file->origin);
        done += (size_t)got;
    }
    return 0;
}

static size_t piece_length(const struct content *content, uint64_t offset)
{
    uint64_t left = content->file->size - offset;

    return left < PIECE_MAX ? (size_t)left : PIECE_MAX;
}

static int compress(struct supply *supply, struct content *content, size_t length,
                    struct piece *piece, struct err *err)
{
    size_t room = ZSTD_compressBound(PIECE_MAX);

    if (supply->packed == NULL)
        supply->packed = mem_alloc(room);
    size_t size = ZSTD_compressCCtx(supply->compressor, supply->packed, room, supply->buffer,
                                    length, content->is_dense ? LEVEL_DENSE : LEVEL);
    if (ZSTD_isError(size))
        return err_set(err, "cannot compress %s: %s", content->file->origin,
                       ZSTD_getErrorName(size));
    content->is_dense = size > length - length / 32;
    piece->bytes = mem_copy(supply->packed, size);
    piece->size = size;
    return 0;
}

static int make_piece(struct supply *supply, struct content *content, uint64_t offset,
                      struct piece *piece, struct err *err)
{
    size_t length = piece_length(content, offset);

    if (supply->buffer == NULL)
        supply->buffer = mem_alloc(PIECE_MAX);
    if (supply->compressor == NULL)
        supply->compressor = ZSTD_createCCtx();
    if (supply->compressor == NULL)
        return err_set(err, "out of memory");
    free(piece->bytes);
    *piece = (struct piece){0};
    if (open_content(supply, content, err) < 0 ||
        read_piece(supply, content, offset, length, err) < 0 ||
        compress(supply, content, length, piece, err) < 0)
        return -1;
    piece->content = content;
    piece->offset = offset;
    return 0;
}

/* The piece at offset: kept from another host, or made in the place of the one used longest ago. */
static struct piece *piece_get(struct supply *supply, struct content *content, uint64_t offset,
                               struct err *err)
{
    struct piece *piece = NULL, *oldest = &supply->pieces[0];

    for (size_t i = 0; i < KEPT_PIECES && piece == NULL; i++) {
        struct piece *kept = &supply->pieces[i];
        if (kept->content == content && kept->offset == offset)
            piece = kept;
        if (kept->used < oldest->used)
            oldest = kept;
    }
    if (piece == NULL && make_piece(supply, content, offset, oldest, err) < 0)
        return NULL;
    piece = piece != NULL ? piece : oldest;
    piece->used = ++supply->clock;
    return piece;
}

/* ---------------------------------------------------------------- sending */

static void advance(const struct host *host, struct position *position, uint64_t bytes)
{
    position->offset += bytes;
    position->total += bytes;
    if (position->offset == host->wants[position->index]->file->size) {
        position->index++;
        position->offset = 0;
    }
}

static int send_piece(struct supply *supply, struct host *host, struct err *err)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StageData data = WIRE__STAGE_DATA__INIT;
    struct content *content = host->wants[host->sent.index];
    uint64_t offset = host->sent.offset;

    struct piece *piece = piece_get(supply, content, offset, err);
    if (piece == NULL)
        return -1;
    size_t length = piece_length(content, offset);
    frame.body_case = WIRE__FRAME__BODY_STAGE_DATA;
    frame.stage_data = &data;
    data.job = supply->job;
    data.hash = content->file->hash;
    data.offset = offset;
    data.data.data = piece->bytes;
    data.data.len = piece->size;
    data.last = offset + length == content->file->size;
    advance(host, &host->sent, length);
    supply->calls.send(supply->calls.arg, host->number, &frame);
    return 0;
}

/* Looks the host up every time: a send() that fails may have dropped it. */
static void pump(struct supply *supply, uint32_t number)
{
    struct err err = {""};
    struct host *host;

    while ((host = host_find(supply, number)) != NULL && host->state == HOST_TAKING &&
           host->sent.index < host->want_count &&
           host->sent.total - host->acked.total < (uint64_t)SUPPLY_WINDOW * PIECE_MAX) {
        if (send_piece(supply, host, &err) < 0) {
            finish(supply, host, err.text);
            return;
        }
    }
}

/* ---------------------------------------------------------------- what hosts say */

static int note_wants(const struct supply *supply, struct host *host, const Wire__StageWant *want)
{
    if (want->n_hashes > supply->count)
        return -1;
    host->wants = mem_array(want->n_hashes, sizeof(struct content *));
    for (size_t i = 0; i < want->n_hashes; i++) {
        struct content *content = NULL;
        if (want->hashes[i].len == HASH_SIZE)
            HASH_FIND(hh, supply->contents, want->hashes[i].data, HASH_SIZE, content);
        if (content == NULL || content->file->size == 0)
            return -1;
        host->wants[host->want_count++] = content;
        host->bytes += content->file->size;
    }
    return 0;
}

void supply_want(struct supply *supply, uint32_t number, const Wire__StageWant *want)
{
    struct host *host = host_find(supply, number);

    if (host == NULL || host->state != HOST_OFFERED)
        return;
    if (want->refusal[0] != '\0') {
        finish(supply, host, want->refusal);
        return;
    }
    if (note_wants(supply, host, want) < 0) {
        finish(supply, host, "it asked for files that were not offered");
        return;
    }
    host->state = HOST_TAKING;
    pump(supply, number);
}

static bool is_next_ack(const struct host *host, const Wire__StageAck *ack)
{
    if (host->acked.index >= host->want_count || ack->offset <= host->acked.offset)
        return false;
    const struct content *content = host->wants[host->acked.index];
    uint64_t sent = host->sent.index > host->acked.index ? content->file->size : host->sent.offset;
    return ack->hash.len == HASH_SIZE &&
           memcmp(ack->hash.data, content->file->hash.data, HASH_SIZE) == 0 && ack->offset <= sent;
}

void supply_ack(struct supply *supply, uint32_t number, const Wire__StageAck *ack)
{
    struct host *host = host_find(supply, number);
    struct content *content = NULL;

    if (host == NULL || host->state != HOST_TAKING)
        return;
    if (ack->error[0] != '\0') {
        struct err err;
        if (ack->hash.len == HASH_SIZE)
            HASH_FIND(hh, supply->contents, ack->hash.data, HASH_SIZE, content);
        err_set(&err, "it did not take %s: %s", content != NULL ? content->file->origin : "a file",
                ack->error);
        finish(supply, host, err.text);
        return;
    }
    if (!is_next_ack(host, ack)) {
        finish(supply, host, "it acknowledged what was not sent");
        return;
    }
    advance(host, &host->acked, ack->offset - host->acked.offset);
    pump(supply, number);
}

void supply_ready(struct supply *supply, uint32_t number, const Wire__StageReady *ready)
{
    struct host *host = host_find(supply, number);

    if (host == NULL || host->state != HOST_TAKING)
        return;
    if (ready->error[0] != '\0')
        finish(supply, host, ready->error);
    else if (host->acked.index < host->want_count)
        finish(supply, host, "it says that it is ready before it has everything");
    else
        finish(supply, host, NULL);
}
