/* SPDX-License-Identifier: BSD-3-Clause */
/* run_replicas.c - what was typed behind -r: how many replicas each rank has */
#include "config.h"
#include "tools/run_replicas.h"

#include "base/mem.h"
#include "replica/world.h"
#include "tools/run_list.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define USAGE "write -r 2, or -r 0:3,*:2"

struct word {
    uint32_t first, last, degree; /* ranks first..last */
    bool is_all;                  /* "*" */
};

static int read_degree(const char *text, uint32_t *degree_out, struct err *err)
{
    if (run_number(text, 1, WORLD_REPLICAS_MAX, degree_out) == 0)
        return 0;
    return err_set(err, "-r: a rank has 1 to %d replicas, not \"%s\"; " USAGE, WORLD_REPLICAS_MAX,
                   text);
}

/* "0", "0-3" or "*" */
static int read_ranks(char *text, uint32_t ranks, struct word *word, struct err *err)
{
    uint32_t most = ranks > 0 ? ranks - 1 : UINT32_MAX - 1;
    char *last = strchr(text, '-');

    word->is_all = strcmp(text, "*") == 0;
    if (word->is_all)
        return 0;
    if (last != NULL)
        *last++ = '\0';
    else
        last = text;
    if (run_number(text, 0, UINT32_MAX - 1, &word->first) < 0 ||
        run_number(last, 0, UINT32_MAX - 1, &word->last) < 0 || word->last < word->first)
        return err_set(err, "-r: \"%s%s%s\" is neither a rank, nor ranks like 0-3, nor *; " USAGE,
                       text, last != text ? "-" : "", last != text ? last : "");
    if (word->last > most)
        return err_set(err, "-r: there is no rank %u with -n %u, the last one is %u", word->last,
                       ranks, most);
    return 0;
}

static int read_word(char *text, uint32_t ranks, struct word *word, struct err *err)
{
    char *degree = strchr(text, ':');

    if (degree == NULL) {
        word->is_all = true;
        return read_degree(text, &word->degree, err);
    }
    *degree++ = '\0';
    if (read_ranks(text, ranks, word, err) < 0)
        return -1;
    return read_degree(degree, &word->degree, err);
}

/* "*" means those of whom nothing else is said, wherever it stands: 0. */
static void apply(const struct word *word, uint32_t ranks, uint32_t *degrees, uint32_t *rest)
{
    if (word->is_all)
        *rest = word->degree;
    for (uint32_t rank = word->first; !word->is_all && rank <= word->last && rank < ranks; rank++)
        degrees[rank] = word->degree;
}

int run_replicas_read(const char *text, uint32_t ranks, uint32_t *degrees_out, struct err *err)
{
    char *copy = mem_string(text), *next = copy, *part;
    uint32_t *degrees = mem_array((size_t)ranks + 1, sizeof *degrees); /* 0: nothing said */
    uint32_t rest = 1;
    int result = 0;

    while (result == 0 && (part = strsep(&next, ",")) != NULL) {
        struct word word = {0};
        result = read_word(part, ranks, &word, err);
        if (result == 0)
            apply(&word, ranks, degrees, &rest);
    }
    for (uint32_t rank = 0; result == 0 && degrees_out != NULL && rank < ranks; rank++)
        degrees_out[rank] = degrees[rank] > 0 ? degrees[rank] : rest;
    free(degrees);
    free(copy);
    return result;
}
