/* SPDX-License-Identifier: BSD-3-Clause */
/* roster.c - a job's processes as replicas of its ranks: who runs, who ended well, who is dead */
#include "config.h"
#include "job/roster.h"

#include "base/mem.h"

#include <stdlib.h>

struct roster {
    struct world *world;
    unsigned char *state; /* [process] enum roster_state */
    uint32_t *left;       /* [rank] */
    uint32_t running;
};

bool roster_is_sound(uint32_t processes, const uint32_t *degrees, size_t count)
{
    uint64_t sum = 0;

    for (size_t rank = 0; rank < count; rank++) {
        if (degrees[rank] < 1 || degrees[rank] > WORLD_REPLICAS_MAX)
            return false;
        sum += degrees[rank];
    }
    return processes > 0 && processes <= INT32_MAX && (count == 0 || sum == processes);
}

struct roster *roster_create(uint32_t processes, const uint32_t *degrees, size_t count)
{
    if (!roster_is_sound(processes, degrees, count))
        return NULL;
    struct world *world = count > 0 ? world_create_degrees(degrees, (int)count, NULL)
                                    : world_create((int)processes, 1, NULL);
    struct roster *roster = mem_alloc(sizeof *roster);
    roster->world = world;
    roster->state = mem_array(processes, sizeof *roster->state);
    roster->left = mem_array((size_t)world->ranks, sizeof *roster->left);
    for (uint32_t process = 0; process < processes; process++)
        roster->left[world->rank[process]]++;
    roster->running = processes;
    return roster;
}

void roster_destroy(struct roster *roster)
{
    if (roster == NULL)
        return;
    world_destroy(roster->world);
    free(roster->state);
    free(roster->left);
    free(roster);
}

const struct world *roster_world(const struct roster *roster)
{
    return roster->world;
}

uint32_t roster_rank(const struct roster *roster, uint32_t process)
{
    return (uint32_t)roster->world->rank[process];
}

bool roster_has_replicas(const struct roster *roster)
{
    return roster->world->processes > roster->world->ranks;
}

static bool leave(struct roster *roster, uint32_t process, enum roster_state state)
{
    if (process >= (uint32_t)roster->world->processes || roster->state[process] != ROSTER_RUNS)
        return false;
    roster->state[process] = (unsigned char)state;
    roster->running--;
    return true;
}

bool roster_ended_well(struct roster *roster, uint32_t process)
{
    return leave(roster, process, ROSTER_ENDED_WELL);
}

bool roster_died(struct roster *roster, uint32_t process)
{
    if (!leave(roster, process, ROSTER_DEAD))
        return false;
    roster->left[roster_rank(roster, process)]--;
    return true;
}

bool roster_lost(struct roster *roster, uint32_t process)
{
    if (process >= (uint32_t)roster->world->processes ||
        roster->state[process] != ROSTER_ENDED_WELL)
        return roster_died(roster, process);
    roster->state[process] = ROSTER_DEAD;
    roster->left[roster_rank(roster, process)]--;
    return true;
}

enum roster_state roster_state_of(const struct roster *roster, uint32_t process)
{
    return (enum roster_state)roster->state[process];
}

uint32_t roster_left(const struct roster *roster, uint32_t rank)
{
    return roster->left[rank];
}

uint32_t roster_running(const struct roster *roster)
{
    return roster->running;
}
