/* SPDX-License-Identifier: BSD-3-Clause */
/* matching.c - receives and messages of one communicator find each other, decisions kept
 *
 * Lists by source are in order of posting and of sending. A follower's receives that have a message
 * stay in `bound` until the program has them: a cancel may put them back. While no receive from any
 * source is undecided nothing is hidden. */
#include "config.h"

#include "replica/matching.h"

#include <stdlib.h>

#include "base/mem.h"
#include "replica/streams.h"

struct posts {
    struct match_post *first, *last;
};

struct source {
    struct posts posted, bound;
    struct match_item *first, *last; /* kept: nobody took them */
};

struct matching {
    const struct matching_ops *ops; /* borrowed */
    void *arg;
    int sources;
    bool leads;
    uint64_t next_order, next_arrival;
    uint64_t next_index[2]; /* the program's, the library's */
    unsigned kept;
    unsigned undecided, told; /* of those in wild */
    struct posts wild;
    struct source source[];
};

/* ---------------------------------------------------------------- lists */

/* Keeps the order of posting; most are the last. */
static void posts_add(struct posts *posts, struct match_post *post)
{
    struct match_post *after = posts->last;

    while (after != NULL && after->order > post->order)
        after = after->prev;
    post->prev = after;
    post->next = after == NULL ? posts->first : after->next;
    if (post->next != NULL)
        post->next->prev = post;
    else
        posts->last = post;
    if (after != NULL)
        after->next = post;
    else
        posts->first = post;
    post->is_listed = true;
}

static void posts_remove(struct posts *posts, struct match_post *post)
{
    if (post->prev != NULL)
        post->prev->next = post->next;
    else
        posts->first = post->next;
    if (post->next != NULL)
        post->next->prev = post->prev;
    else
        posts->last = post->prev;
    post->is_listed = false;
}

static bool is_before(const struct match_item *a, const struct match_item *b)
{
    return a->arrival < b->arrival;
}

/* Keeps the order of sending, which of one source is that of arrival. */
static void items_add(struct matching *matching, struct match_item *item)
{
    struct source *source = &matching->source[item->source];
    struct match_item *after = source->last;

    while (after != NULL && is_before(item, after))
        after = after->prev;
    item->prev = after;
    item->next = after == NULL ? source->first : after->next;
    if (item->next != NULL)
        item->next->prev = item;
    else
        source->last = item;
    if (after != NULL)
        after->next = item;
    else
        source->first = item;
    matching->kept++;
}

void matching_take(struct matching *matching, struct match_item *item)
{
    struct source *source = &matching->source[item->source];

    if (item->prev != NULL)
        item->prev->next = item->next;
    else
        source->first = item->next;
    if (item->next != NULL)
        item->next->prev = item->prev;
    else
        source->last = item->prev;
    matching->kept--;
}

/* ---------------------------------------------------------------- who fits whom */

static bool is_tag_wanted(int32_t wanted, int32_t tag)
{
    return wanted == tag || (wanted == MATCHING_ANY_TAG && tag >= 0);
}

static bool is_told_of(const struct match_post *post, const struct match_item *item)
{
    return post->is_told && post->told_source == item->source && post->told_seq == item->seq &&
           is_tag_wanted(post->tag, item->tag);
}

/* A match that its sender learns of, of a receive that may yet be cancelled. */
static bool is_doubtful(const struct match_post *post, const struct match_item *item)
{
    return item->is_sync && !post->is_firm && !match_post_is_wild(post) &&
           !match_post_is_library(post);
}

static bool must_wait(const struct matching *matching, const struct match_post *post,
                      const struct match_item *item)
{
    return !matching->leads && !item->is_told && is_doubtful(post, item);
}

static struct match_post *first_post(const struct posts *posts, int32_t tag)
{
    struct match_post *post = posts->first;

    while (post != NULL && !is_tag_wanted(post->tag, tag))
        post = post->next;
    return post;
}

static struct match_item *first_item(const struct source *source, int32_t tag)
{
    struct match_item *item = source->first;

    while (item != NULL && !is_tag_wanted(tag, item->tag))
        item = item->next;
    return item;
}

/* The first receive from any source posted before `order` that may yet take such a message. */
static struct match_post *undecided_for(const struct matching *matching, int32_t tag,
                                        uint64_t order)
{
    if (matching->undecided == 0)
        return NULL;
    for (struct match_post *post = matching->wild.first; post != NULL && post->order < order;
         post = post->next)
        if (!post->is_told && is_tag_wanted(post->tag, tag))
            return post;
    return NULL;
}

static struct match_post *told_for(const struct matching *matching, const struct match_item *item)
{
    struct match_post *post = matching->told == 0 ? NULL : matching->wild.first;

    while (post != NULL && !is_told_of(post, item))
        post = post->next;
    return post;
}

/* Of one source: does a receive still wait for an earlier message, which is hidden from it? */
static bool is_item_before(const struct matching *matching, const struct match_item *item,
                           int32_t tag)
{
    const struct match_item *first = first_item(&matching->source[item->source], tag);

    return first != NULL && is_before(first, item);
}

/* The receive that takes a message now. */
static struct match_post *post_for(const struct matching *matching, const struct match_item *item)
{
    struct match_post *told = told_for(matching, item);

    if (told != NULL)
        return told;
    struct match_post *post = first_post(&matching->source[item->source].posted, item->tag);
    struct match_post *wild =
        undecided_for(matching, item->tag, post == NULL ? UINT64_MAX : post->order);

    if (wild != NULL)
        return matching->leads ? wild : NULL;
    if (post == NULL || must_wait(matching, post, item) ||
        (!matching->leads && is_item_before(matching, item, post->tag)))
        return NULL;
    return post;
}

/* ---------------------------------------------------------------- binding */

static void post_unlist(struct matching *matching, struct match_post *post)
{
    if (match_post_is_wild(post)) {
        posts_remove(&matching->wild, post);
        matching->undecided -= !post->is_told;
        matching->told -= post->is_told;
    } else {
        posts_remove(&matching->source[post->source].posted, post);
    }
}

static void post_list(struct matching *matching, struct match_post *post)
{
    if (match_post_is_wild(post)) {
        posts_add(&matching->wild, post);
        matching->undecided += !post->is_told;
        matching->told += post->is_told;
    } else {
        posts_add(&matching->source[post->source].posted, post);
    }
}

/* The post is in no list any more, the item is not kept any more. */
static void bind(struct matching *matching, struct match_post *post, struct match_item *item)
{
    if (match_post_is_wild(post) && !post->is_told) {
        matching->ops->decided(matching->arg, post, item);
        post->is_told = true;
    } else if (matching->leads && !item->is_told && is_doubtful(post, item)) {
        matching->ops->decided(matching->arg, post, item);
    }
    if (!matching->leads && !match_post_is_wild(post) && !match_post_is_library(post)) {
        post->got = *item;
        post->is_bound = true;
        posts_add(&matching->source[post->source].bound, post);
    }
    matching->ops->bind(matching->arg, post, item);
}

/* The message that a receive takes now, of those that are kept. */
static struct match_item *item_for_wild(const struct matching *matching,
                                        const struct match_post *post)
{
    struct match_item *found = NULL;

    if (post->is_told)
        return matching_find((struct matching *)matching, post->told_source, post->tag,
                             post->told_seq);
    if (!matching->leads)
        return NULL;
    for (int i = 0; i < matching->sources && matching->kept > 0; i++) {
        struct match_item *item = first_item(&matching->source[i], post->tag);

        if (item != NULL && (found == NULL || is_before(item, found)))
            found = item;
    }
    return found;
}

static struct match_item *item_for(const struct matching *matching, const struct match_post *post)
{
    if (matching->kept == 0)
        return NULL;
    if (match_post_is_wild(post))
        return item_for_wild(matching, post);
    struct match_item *item = first_item(&matching->source[post->source], post->tag);

    if (item == NULL || matching->leads)
        return item;
    const struct match_post *earlier =
        first_post(&matching->source[post->source].posted, item->tag);

    if ((earlier != NULL && earlier->order < post->order) ||
        undecided_for(matching, item->tag, post->order) != NULL)
        return NULL;
    return item;
}

/* Gives a receive that is in no list its message, or lists it. */
static void post_settle(struct matching *matching, struct match_post *post)
{
    struct match_item *item = item_for(matching, post);

    if (item == NULL || must_wait(matching, post, item)) {
        post_list(matching, post);
        return;
    }
    matching_take(matching, item);
    bind(matching, post, item);
}

/* Something that was hidden may be seen now: the receives of one source once more, in order. */
static void source_settle(struct matching *matching, struct source *source)
{
    struct match_post *post = source->posted.first, *next;

    for (; post != NULL && source->first != NULL; post = next) {
        struct match_item *item = item_for(matching, post);

        next = post->next;
        if (item == NULL || must_wait(matching, post, item))
            continue;
        posts_remove(&source->posted, post);
        matching_take(matching, item);
        bind(matching, post, item);
    }
}

static void all_settle(struct matching *matching)
{
    for (int i = 0; i < matching->sources && matching->kept > 0; i++)
        source_settle(matching, &matching->source[i]);
}

/* ---------------------------------------------------------------- what the owner calls */

struct matching *matching_create(int sources, bool leads, const struct matching_ops *ops, void *arg)
{
    struct matching *matching =
        mem_alloc(sizeof *matching + (size_t)sources * sizeof matching->source[0]);

    matching->ops = ops;
    matching->arg = arg;
    matching->sources = sources;
    matching->leads = leads;
    return matching;
}

void matching_destroy(struct matching *matching, void (*each)(void *arg, struct match_item *item))
{
    if (matching == NULL)
        return;
    for (int i = 0; i < matching->sources; i++) {
        struct match_item *next;

        for (struct match_item *item = matching->source[i].first; item != NULL; item = next) {
            next = item->next;
            if (each != NULL)
                each(matching->arg, item);
        }
    }
    free(matching);
}

void matching_post(struct matching *matching, struct match_post *post)
{
    post->order = ++matching->next_order;
    post->is_told = post->is_bound = false;
    post->index = 0;
    if (match_post_is_wild(post)) {
        post->index = ++matching->next_index[match_post_is_library(post)];
        post->is_told =
            matching->ops->told(matching->arg, post, &post->told_source, &post->told_seq);
    }
    post_settle(matching, post);
}

void matching_arrive(struct matching *matching, struct match_item *item)
{
    item->arrival = ++matching->next_arrival;
    item->is_told =
        !matching->leads && item->is_sync && matching->ops->is_matched(matching->arg, item);
    struct match_post *post = post_for(matching, item);

    if (post == NULL) {
        items_add(matching, matching->ops->keep(matching->arg, item));
        return;
    }
    post_unlist(matching, post);
    bind(matching, post, item);
}

struct match_item *matching_probe(struct matching *matching, int source, int32_t tag)
{
    struct match_post post = {.source = source, .tag = tag, .order = UINT64_MAX};

    return item_for(matching, &post);
}

struct match_item *matching_find(struct matching *matching, int source, int32_t tag, uint64_t seq)
{
    if (source < 0 || source >= matching->sources)
        return NULL;
    struct match_item *item = matching->source[source].first;

    while (item != NULL && (item->seq != seq || !is_tag_wanted(tag, item->tag)))
        item = item->next;
    return item;
}

/* The leader matched a synchronous message: who waits for it may have it. */
static bool item_told(struct matching *matching, int source, uint64_t seq)
{
    struct match_item *item = matching_find(matching, source, MATCHING_ANY_TAG, seq);

    if (item == NULL)
        return false;
    item->is_told = true;
    source_settle(matching, &matching->source[source]);
    return true;
}

bool matching_told(struct matching *matching, bool is_library, uint64_t index, int source,
                   uint64_t seq)
{
    struct match_post *post = matching->wild.first;

    if (index == 0)
        return item_told(matching, source, seq);

    while (post != NULL && (post->index != index || match_post_is_library(post) != is_library))
        post = post->next;
    if (post == NULL || post->is_told)
        return false;
    post_unlist(matching, post);
    post->is_told = true;
    post->told_source = source;
    post->told_seq = seq;
    post_settle(matching, post);
    all_settle(matching);
    return true;
}

bool matching_is_caught_up(const struct matching *matching)
{
    return matching->told == 0;
}

static int post_order(const void *a, const void *b)
{
    const struct match_post *first = *(struct match_post *const *)a;
    const struct match_post *second = *(struct match_post *const *)b;

    return (first->order > second->order) - (first->order < second->order);
}

static size_t posts_move(struct posts *posts, struct match_post **to)
{
    size_t count = 0;

    for (struct match_post *post = posts->first; post != NULL; post = post->next, count++)
        if (to != NULL) {
            post->is_listed = false;
            to[count] = post;
        }
    if (to != NULL)
        *posts = (struct posts){0};
    return count;
}

/* As if all that wait were posted once more, in their order, by one who leads. */
void matching_lead(struct matching *matching)
{
    size_t count = posts_move(&matching->wild, NULL), at = 0;

    if (matching->leads)
        return;
    matching->leads = true;
    for (int i = 0; i < matching->sources; i++)
        count += posts_move(&matching->source[i].posted, NULL);
    struct match_post **posts = mem_array(count + 1, sizeof(struct match_post *));

    at += posts_move(&matching->wild, posts);
    for (int i = 0; i < matching->sources; i++)
        at += posts_move(&matching->source[i].posted, posts + at);
    matching->undecided = matching->told = 0;
    qsort(posts, count, sizeof *posts, post_order);
    for (size_t i = 0; i < count; i++)
        post_settle(matching, posts[i]);
    free(posts);
}

/* ---------------------------------------------------------------- cancelling */

bool matching_cancel(struct matching *matching, struct match_post *post)
{
    if (!post->is_listed || post->is_bound || post->is_told)
        return false;
    post_unlist(matching, post);
    return true;
}

bool match_post_is_bound(const struct match_post *post)
{
    return !post->is_listed || post->is_bound;
}

static void unbind(struct matching *matching, struct match_post *post)
{
    struct match_item *item;

    posts_remove(&matching->source[post->source].bound, post);
    post->is_bound = false;
    item = matching->ops->unbind(matching->arg, post);
    *item = post->got;
    items_add(matching, item);
}

/* A message goes back to its place. What later receives of its source got after it was not theirs
 * to have yet: all of it is matched again. What the program has already came before it. */
static void revoke_bound(struct matching *matching, struct match_post *post)
{
    struct source *source = &matching->source[post->source];
    struct match_post *next;

    unbind(matching, post);
    for (struct match_post *later = source->bound.first; later != NULL; later = next) {
        next = later->next;
        if (later->order < post->order || is_before(&later->got, &post->got))
            continue;
        unbind(matching, later);
        post_list(matching, later);
    }
    for (struct match_post *wild = matching->wild.first; wild != NULL; wild = next) {
        next = wild->next;
        if (!wild->is_told)
            continue;
        post_unlist(matching, wild);
        post_settle(matching, wild);
    }
    source_settle(matching, source);
}

void matching_revoke(struct matching *matching, struct match_post *post)
{
    if (!post->is_listed)
        return;
    if (post->is_bound) {
        revoke_bound(matching, post);
        return;
    }
    post_unlist(matching, post);
    all_settle(matching);
}

void matching_forget(struct matching *matching, struct match_post *post)
{
    if (!post->is_listed)
        return;
    if (post->is_bound)
        posts_remove(&matching->source[post->source].bound, post);
    else
        post_unlist(matching, post);
    post->is_bound = false;
}

unsigned matching_kept(const struct matching *matching)
{
    return matching->kept;
}
