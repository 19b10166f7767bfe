/* SPDX-License-Identifier: BSD-3-Clause */
/* results.c - how the last fences ended: for a host that asks again after its parent was lost */
#include "config.h"
#include "coll/results.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void data_drop(struct results *results, struct result *result)
{
    results->bytes -= result->size;
    result->has_data = result->size == 0;
    free(result->data);
    result->data = NULL;
    result->size = 0;
}

static void result_clear(struct results *results, struct result *result)
{
    data_drop(results, result);
    free(result->why);
    memset(result, 0, sizeof *result);
}

/* The newest keeps its data; the oldest others lose theirs. */
static void data_trim(struct results *results)
{
    for (size_t age = RESULTS_MAX - 1; age > 0 && results->bytes > RESULTS_BYTES_MAX; age--)
        data_drop(results, &results->ring[(results->added - 1 + RESULTS_MAX - age) % RESULTS_MAX]);
}

const struct result *results_add_take(struct results *results, const void *series, uint32_t number,
                                      int status, const char *why, uint8_t *data, size_t size)
{
    struct result *result = &results->ring[results->added++ % RESULTS_MAX];

    result_clear(results, result);
    *result = (struct result){series, number, status, status != 0 ? mem_string(why) : NULL,
                              data,   size,   true};
    results->bytes += size;
    data_trim(results);
    return result;
}

const struct result *results_find(const struct results *results, const void *series,
                                  uint32_t number)
{
    for (size_t i = 0; i < RESULTS_MAX; i++)
        if (results->ring[i].series == series && results->ring[i].number == number)
            return &results->ring[i];
    return NULL;
}

void results_clear(struct results *results)
{
    for (size_t i = 0; i < RESULTS_MAX; i++)
        result_clear(results, &results->ring[i]);
    results->added = 0;
}
