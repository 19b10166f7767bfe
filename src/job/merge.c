/* SPDX-License-Identifier: BSD-3-Clause */
/* merge.c - what the replicas of a rank write becomes one stream: every byte goes out once */
#include "config.h"
#include "job/merge.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MAX                                                                                   \
    (2u << 20) /* of one source: twice what a step sends without being acknowledged                \
                */

/* One replica's stream. */
struct source {
    uint8_t *kept; /* owned */
    size_t size, room;
    uint64_t at; /* offset of kept[0] */
    uint64_t acked;
    uint64_t line; /* number of the line that begins at kept[0], since lines are counted */
    bool is_heard, is_ended;
};

/* What becomes of a rank's streams of one number. */
struct stream {
    struct source *sources; /* [set] */
    uint64_t out, written;
    uint64_t resume; /* bytes that were written in the home's earlier life */
    uint64_t line;   /* lines out, since they are counted */
    bool by_lines;   /* the leader's lines; else what two agree on */
    bool is_ended;
};

struct member { /* one rank */
    struct stream streams[2];
    bool *is_dead; /* [set] */
    int living;
};

struct merge {
    const struct world *world; /* borrowed */
    struct merge_ops ops;
    void *arg;
    struct member *members; /* [rank] */
    bool is_resumed;
};

/* A stream at work. */
struct work {
    struct merge *merge;
    struct member *member;
    struct stream *stream;
    uint32_t rank, number;
};

struct merge *merge_create(const struct world *world, const struct merge_ops *ops, void *arg)
{
    struct merge *merge = mem_alloc(sizeof *merge);

    merge->world = world;
    merge->ops = *ops;
    merge->arg = arg;
    merge->members = mem_array((size_t)world->ranks, sizeof *merge->members);
    for (int rank = 0; rank < world->ranks; rank++) {
        struct member *member = &merge->members[rank];
        member->is_dead = mem_array((size_t)world->replicas, sizeof *member->is_dead);
        for (int i = 0; i < 2; i++)
            member->streams[i].sources =
                mem_array((size_t)world->replicas, sizeof *member->streams[i].sources);
        member->streams[MERGE_STDERR - 1].by_lines = true;
        for (int set = 0; set < world->replicas; set++) {
            member->is_dead[set] = world_process(world, rank, set) < 0;
            member->living += !member->is_dead[set];
        }
    }
    return merge;
}

void merge_destroy(struct merge *merge)
{
    if (merge == NULL)
        return;
    for (int rank = 0; rank < merge->world->ranks; rank++) {
        for (int i = 0; i < 2; i++) {
            struct stream *stream = &merge->members[rank].streams[i];
            for (int set = 0; set < merge->world->replicas; set++)
                free(stream->sources[set].kept);
            free(stream->sources);
        }
        free(merge->members[rank].is_dead);
    }
    free(merge->members);
    free(merge);
}

/* ---- one replica's stream */

static uint64_t source_end(const struct source *source)
{
    return source->at + source->size;
}

static void source_keep(struct source *source, const uint8_t *data, size_t size)
{
    if (size == 0)
        return;
    if (source->size + size > source->room) {
        source->room = source->size + size;
        source->kept = mem_grow(source->kept, source->room, 1);
    }
    memcpy(source->kept + source->size, data, size);
    source->size += size;
}

/* Forgets what is before this offset. */
static void source_trim(struct source *source, uint64_t offset)
{
    size_t gone = offset <= source->at                 ? 0
                  : offset - source->at < source->size ? (size_t)(offset - source->at)
                                                       : source->size;

    if (gone == 0)
        return;
    source->at += gone;
    source->size -= gone;
    if (source->size > 0) {
        memmove(source->kept, source->kept + gone, source->size);
    } else {
        free(source->kept);
        source->kept = NULL;
        source->room = 0;
    }
}

/* Size of the whole line that begins at kept[from], or 0: its end is not there yet. */
static size_t source_line(const struct source *source, size_t from)
{
    size_t size = source->size - from;
    const uint8_t *end = NULL;

    if (size == 0)
        return 0;
    end = memchr(source->kept + from, '\n', size < MERGE_LINE_MAX ? size : MERGE_LINE_MAX);
    if (end != NULL)
        return (size_t)(end - (source->kept + from)) + 1;
    if (size >= MERGE_LINE_MAX)
        return MERGE_LINE_MAX;
    return source->is_ended ? size : 0;
}

/* Forgets lines up to the one of this number, as far as they are there. */
static void source_skip_lines(struct source *source, uint64_t line)
{
    size_t gone = 0;

    for (size_t size; source->line < line && (size = source_line(source, gone)) > 0;) {
        gone += size;
        source->line++;
    }
    source_trim(source, source->at + gone);
}

/* ---- what goes out */

static void put(struct work *work, const uint8_t *data, size_t size, bool end)
{
    struct stream *stream = work->stream;
    uint64_t offset = stream->out;

    stream->out += size;
    stream->is_ended = end;
    if (size > 0 || end)
        work->merge->ops.put(work->merge->arg, work->rank, work->number, offset, data, size, end);
}

static bool is_living(const struct work *work, int set)
{
    return !work->member->is_dead[set];
}

static int leader_of(const struct work *work)
{
    int set = 0;

    while (!is_living(work, set))
        set++;
    return set;
}

/* The only living one: as it comes. */
static void pass(struct work *work, struct source *source)
{
    bool is_behind;

    if (work->stream->by_lines)
        source_skip_lines(source, work->stream->line);
    else
        source_trim(source, work->stream->out);
    is_behind =
        work->stream->by_lines ? source->line < work->stream->line : source->at < work->stream->out;
    if (is_behind && !(source->is_ended && source->size == 0))
        return;
    put(work, source->kept, source->size, source->is_ended);
    source_trim(source, source_end(source));
}

/* ---- what two agree on */

static size_t common_size(const struct source *a, const struct source *b)
{
    size_t size = a->size < b->size ? a->size : b->size, same = 0;

    if (size > 0 && memcmp(a->kept, b->kept, size) == 0)
        return size;
    while (same < size && a->kept[same] == b->kept[same])
        same++;
    return same;
}

/* The longest piece that two living ones have at the place where we are: its size. *end_out: two
 * agree that there is nothing more. */
static size_t agreed(const struct work *work, const struct source **source_out, bool *end_out)
{
    struct source *sources = work->stream->sources;
    size_t longest = 0;
    int at_end = 0;

    for (int a = 0; a < work->merge->world->replicas; a++) {
        if (!is_living(work, a) || sources[a].at < work->stream->out)
            continue;
        at_end += sources[a].is_ended && sources[a].size == 0;
        for (int b = 0; b < a; b++) {
            if (!is_living(work, b) || sources[b].at < work->stream->out)
                continue;
            size_t size = common_size(&sources[a], &sources[b]);
            if (size > longest) {
                longest = size;
                *source_out = &sources[a];
            }
        }
    }
    *end_out = at_end >= 2;
    return longest;
}

/* Has every living one shown what it has at the place where we are? */
static bool have_all_shown(const struct work *work)
{
    for (int set = 0; set < work->merge->world->replicas; set++) {
        const struct source *source = &work->stream->sources[set];
        if (is_living(work, set) && (source->at < work->stream->out || source->size == 0) &&
            !(source->is_ended && source->at == work->stream->out))
            return false;
    }
    return true;
}

/* Those that are at the same place count lines from here. */
static void begin_lines(struct work *work)
{
    work->stream->by_lines = true;
    if (work->merge->ops.differ != NULL)
        work->merge->ops.differ(work->merge->arg, work->rank, work->stream->out);
}

static void pump_agreed(struct work *work)
{
    struct stream *stream = work->stream;
    const struct source *source = NULL;
    bool end = false;

    for (;;) {
        for (int set = 0; set < work->merge->world->replicas; set++)
            source_trim(&stream->sources[set], stream->out);
        size_t size = agreed(work, &source, &end);
        if (size == 0)
            break;
        put(work, source->kept, size, false);
    }
    if (end)
        put(work, NULL, 0, true);
    else if (have_all_shown(work))
        begin_lines(work);
}

/* ---- the leader's lines */

/* Lines of one who follows: those that are out are not needed; too many of the others are too many.
 */
static void follow(const struct stream *stream, struct source *source)
{
    source_skip_lines(source, stream->line);
    while (source->size > MERGE_AHEAD)
        source_skip_lines(source, source->line + 1);
}

static void lead(struct work *work, struct source *source)
{
    struct stream *stream = work->stream;
    size_t whole = 0;

    source_skip_lines(source, stream->line);
    if (source->line < stream->line && !(source->is_ended && source->size == 0))
        return;
    stream->line = source->line; /* it may have lost some: see follow() */
    for (size_t size; (size = source_line(source, whole)) > 0; stream->line++)
        whole += size;
    source->line = stream->line;
    bool end = source->is_ended && whole == source->size;
    put(work, source->kept, whole, end);
    source_trim(source, source->at + whole);
}

static void pump_lines(struct work *work)
{
    int leader = leader_of(work);

    lead(work, &work->stream->sources[leader]);
    for (int set = 0; set < work->merge->world->replicas; set++)
        if (set != leader && is_living(work, set))
            follow(work->stream, &work->stream->sources[set]);
}

/* ---- acknowledgements */

/* Up to where a source's bytes are not needed any more. */
static uint64_t needless(const struct work *work, int set)
{
    const struct stream *stream = work->stream;
    const struct source *source = &stream->sources[set];
    uint64_t waiting = stream->out - stream->written;

    if (!is_living(work, set) || (stream->is_ended && waiting == 0))
        return source_end(source);
    if (!stream->by_lines)
        return stream->written < source_end(source) ? stream->written : source_end(source);
    if (set != leader_of(work))
        return source->at;
    return source->at > waiting ? source->at - waiting : 0;
}

static void acknowledge(struct work *work)
{
    for (int set = 0; set < work->merge->world->replicas; set++) {
        struct source *source = &work->stream->sources[set];
        int process = world_process(work->merge->world, (int)work->rank, set);
        if (!is_living(work, set) || work->stream->is_ended)
            source_trim(source, source_end(source));
        uint64_t offset = needless(work, set);
        if (process < 0 || !source->is_heard || offset <= source->acked)
            continue;
        source->acked = offset;
        work->merge->ops.ack(work->merge->arg, (uint32_t)process, work->number, offset);
    }
}

static void pump(struct work *work)
{
    struct stream *stream = work->stream;

    if (!stream->is_ended && work->member->living > 1 && !stream->by_lines)
        pump_agreed(work);
    if (!stream->is_ended && work->member->living > 1 && stream->by_lines)
        pump_lines(work);
    if (!stream->is_ended && work->member->living == 1)
        pass(work, &stream->sources[leader_of(work)]);
    acknowledge(work);
}

static struct work work_of(struct merge *merge, uint32_t rank, uint32_t number)
{
    struct member *member = &merge->members[rank];

    return (struct work){merge, member, &member->streams[number - 1], rank, number};
}

/* ---- what happens */

void merge_resume(struct merge *merge)
{
    merge->is_resumed = true;
}

/* The first piece of a source that an earlier home has heard. Only lines are acknowledged before
 * they are written: so lines it was. */
static void begin_anywhere(struct work *work, struct source *source, uint64_t offset)
{
    if (!work->merge->is_resumed || source->is_heard)
        return;
    work->stream->by_lines |= offset > work->stream->resume;
    source->at = source->acked = offset;
}

int merge_add(struct merge *merge, uint32_t process, uint32_t stream, uint64_t offset,
              const uint8_t *data, size_t size, bool end)
{
    if (process >= (uint32_t)merge->world->processes || stream < MERGE_STDOUT ||
        stream > MERGE_STDERR)
        return -1;
    struct work work = work_of(merge, (uint32_t)merge->world->rank[process], stream);
    struct source *source = &work.stream->sources[merge->world->set[process]];

    begin_anywhere(&work, source, offset);
    if (offset > source_end(source))
        return -1;
    size_t known =
        source_end(source) - offset < size ? (size_t)(source_end(source) - offset) : size;
    if (source->size + (size - known) > KEPT_MAX)
        return -1;
    source->is_heard = true;
    source->is_ended |= end;
    source_keep(source, data + known, size - known);
    source_trim(source, work.stream->resume);
    pump(&work);
    return 0;
}

void merge_dead(struct merge *merge, uint32_t process)
{
    uint32_t rank = (uint32_t)merge->world->rank[process];
    int set = merge->world->set[process];
    struct member *member = &merge->members[rank];

    if (member->is_dead[set] || member->living == 1)
        return;
    member->is_dead[set] = true;
    member->living--;
    for (uint32_t number = MERGE_STDOUT; number <= MERGE_STDERR; number++) {
        struct work work = work_of(merge, rank, number);
        pump(&work);
    }
}

void merge_written(struct merge *merge, uint32_t rank, uint32_t stream, uint64_t bytes)
{
    if (rank >= (uint32_t)merge->world->ranks || stream < MERGE_STDOUT || stream > MERGE_STDERR)
        return;
    struct work work = work_of(merge, rank, stream);

    if (merge->is_resumed && work.stream->out == 0)
        work.stream->out = work.stream->resume = bytes;
    if (bytes <= work.stream->written || bytes > work.stream->out)
        return;
    work.stream->written = bytes;
    acknowledge(&work);
}
