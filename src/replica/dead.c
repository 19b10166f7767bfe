/* SPDX-License-Identifier: BSD-3-Clause */
/* dead.c - the growing set of processes known dead, and who stands in for whom */
#include "config.h"

#include "replica/dead.h"

#include <stdlib.h>

#include "base/mem.h"

struct dead *dead_create(const struct world *world)
{
    struct dead *dead = mem_alloc(sizeof *dead);

    dead->world = world;
    dead->is = mem_array((size_t)world->processes, sizeof *dead->is);
    dead->living = mem_array((size_t)world->ranks, sizeof *dead->living);
    for (int process = 0; process < world->processes; process++)
        dead->living[world->rank[process]] |= 1u << world->set[process];
    return dead;
}

void dead_destroy(struct dead *dead)
{
    if (dead == NULL)
        return;
    free(dead->is);
    free(dead->living);
    free(dead);
}

bool dead_add(struct dead *dead, int process)
{
    if (dead->is[process])
        return false;
    dead->is[process] = true;
    dead->count++;
    dead->living[dead->world->rank[process]] &= ~(1u << dead->world->set[process]);
    return true;
}

int dead_server(const struct dead *dead, int rank, int set)
{
    uint32_t living = dead->living[rank];

    if (living == 0)
        return -1;
    if ((living >> set & 1u) == 0)
        set = __builtin_ctz(living);
    return world_process(dead->world, rank, set);
}

int dead_turn(int set, int server)
{
    return server == set ? 0 : server + 1;
}
