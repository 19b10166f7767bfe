/* SPDX-License-Identifier: BSD-3-Clause */
/* world.c - who is which replica of which logical rank */
#include "config.h"

#include "replica/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct world *world_alloc(int processes, int ranks, int replicas)
{
    struct world *world = mem_alloc(sizeof *world);

    world->processes = processes;
    world->ranks = ranks;
    world->replicas = replicas;
    world->rank = mem_array((size_t)processes, sizeof *world->rank);
    world->set = mem_array((size_t)processes, sizeof *world->set);
    world->process = mem_array((size_t)ranks * (size_t)replicas, sizeof *world->process);
    return world;
}

static void world_put(struct world *world, int process, int rank, int set)
{
    world->rank[process] = rank;
    world->set[process] = set;
    world->process[rank * world->replicas + set] = process;
}

struct world *world_create(int processes, int replicas, struct err *err)
{
    if (replicas < 1 || replicas > WORLD_REPLICAS_MAX) {
        err_set(err, "%d replicas of each rank cannot be had: 1 to %d can", replicas,
                WORLD_REPLICAS_MAX);
        return NULL;
    }
    if (processes < 1 || processes % replicas != 0) {
        err_set(err,
                "%d processes cannot be shared by %d replicas of each rank: start a multiple of %d",
                processes, replicas, replicas);
        return NULL;
    }
    int ranks = processes / replicas;
    struct world *world = world_alloc(processes, ranks, replicas);

    for (int process = 0; process < processes; process++)
        world_put(world, process, process % ranks, process / ranks);
    return world;
}

/* Reads "2,1,2" into degree_out[0..limit-1]. Returns how many there are, or -1 with a sentence. */
static int degrees_read(const char *map, uint32_t *degree_out, int limit, struct err *err)
{
    int count = 0;

    for (const char *at = map;; at++) {
        char *end;
        long degree = strtol(at, &end, 10);

        if (end == at || (*end != ',' && *end != '\0'))
            return err_set(err, "the map of replicas \"%s\" is not a list like 2,2,1", map);
        if (degree < 1 || degree > WORLD_REPLICAS_MAX)
            return err_set(err, "rank %d cannot have %ld replicas: 1 to %d can be had", count,
                           degree, WORLD_REPLICAS_MAX);
        if (count == limit)
            return err_set(err, "the map of replicas has more ranks than %d processes", limit);
        degree_out[count++] = (uint32_t)degree;
        at = end;
        if (*at == '\0')
            return count;
    }
}

/* Set by set: the first replicas of all ranks, then the second ones of those that have two, ... */
static struct world *world_deal(const uint32_t *degrees, int ranks)
{
    int sum = 0, most = 0, process = 0;

    for (int rank = 0; rank < ranks; rank++) {
        sum += (int)degrees[rank];
        if ((int)degrees[rank] > most)
            most = (int)degrees[rank];
    }
    struct world *world = world_alloc(sum, ranks, most);
    for (int i = 0; i < ranks * most; i++)
        world->process[i] = -1;
    for (int set = 0; set < most; set++)
        for (int rank = 0; rank < ranks; rank++)
            if (set < (int)degrees[rank])
                world_put(world, process++, rank, set);
    return world;
}

struct world *world_create_degrees(const uint32_t *degrees, int ranks, struct err *err)
{
    if (ranks < 1) {
        err_set(err, "a world of %d ranks", ranks);
        return NULL;
    }
    for (int rank = 0; rank < ranks; rank++)
        if (degrees[rank] < 1 || degrees[rank] > WORLD_REPLICAS_MAX) {
            err_set(err, "rank %d cannot have %u replicas: 1 to %d can be had", rank, degrees[rank],
                    WORLD_REPLICAS_MAX);
            return NULL;
        }
    return world_deal(degrees, ranks);
}

struct world *world_create_map(int processes, const char *map, struct err *err)
{
    if (processes < 1) {
        err_set(err, "a world of %d processes", processes);
        return NULL;
    }
    uint32_t *degree = mem_array((size_t)processes, sizeof *degree);
    int ranks = degrees_read(map, degree, processes, err);
    struct world *world = ranks < 0 ? NULL : world_deal(degree, ranks);

    free(degree);
    if (world != NULL && world->processes != processes) {
        err_set(err, "the map of replicas \"%s\" wants %d processes, %d were started", map,
                world->processes, processes);
        world_destroy(world);
        return NULL;
    }
    return world;
}

void world_destroy(struct world *world)
{
    if (world == NULL)
        return;
    free(world->rank);
    free(world->set);
    free(world->process);
    free(world);
}

int world_process(const struct world *world, int rank, int set)
{
    if (set < 0 || set >= world->replicas)
        return -1;
    return world->process[rank * world->replicas + set];
}

int world_shared_host(const struct world *world, const int *host, int *first_out, int *second_out)
{
    for (int second = 0; second < world->processes; second++)
        for (int set = 0; set < world->set[second]; set++) {
            int first = world_process(world, world->rank[second], set);

            if (first >= 0 && host[first] == host[second]) {
                *first_out = first;
                *second_out = second;
                return world->rank[second];
            }
        }
    return -1;
}
