/* SPDX-License-Identifier: BSD-3-Clause */
/* home_ranks.c - a job's processes at its home: how they end, and which ranks have replicas left */
#include "config.h"
#include "peer/home.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fences and modex requests that wait for this process go on without it, on every host. */
static void spread_exit(struct home *home, size_t from, const Wire__RankExit *message)
{
    Wire__Step step = WIRE__STEP__INIT;

    step.body_case = WIRE__STEP__BODY_RANK_EXIT;
    step.rank_exit = (Wire__RankExit *)message;
    home_send_steps(home, from, &step);
}

static bool has_ended_well(const Wire__RankExit *message)
{
    return message->code == 0 && message->signal == 0 &&
           (message->finalized || !message->was_init) &&
           (message->reason == NULL || message->reason[0] == '\0');
}

/* "killed by signal 9 (Killed)", "ended with exit code 7", "left without MPI_Finalize" */
static void describe_end(const Wire__RankExit *message, char *text_out, size_t size)
{
    if (message->signal != 0)
        snprintf(text_out, size, "was killed by signal %u (%s)", message->signal,
                 strsignal((int)message->signal));
    else if (message->code != 0)
        snprintf(text_out, size, "ended with exit code %u", message->code);
    else
        snprintf(text_out, size, "left without calling MPI_Finalize");
}

/* Where a rank's replicas are that are left: "h2, h5". */
static char *places_left(const struct home *home, uint32_t rank)
{
    const struct world *world = roster_world(home->roster);
    char *text = mem_string("");

    for (int set = 0; set < world->replicas; set++) {
        int process = world_process(world, (int)rank, set);
        if (process < 0 || roster_state_of(home->roster, (uint32_t)process) == ROSTER_DEAD)
            continue;
        char *longer = mem_format("%s%s%s", text, text[0] != '\0' ? ", " : "",
                                  home->hosts[home->spec->rank_host[process]].name);
        free(text);
        text = longer;
    }
    return text;
}

static void warn_of_loss(struct home *home, size_t host, const Wire__RankExit *message)
{
    uint32_t rank = roster_rank(home->roster, message->rank);
    uint32_t left = roster_left(home->roster, rank);
    char *places = places_left(home, rank);
    char how[128], count[32] = "one replica";

    describe_end(message, how, sizeof how);
    if (left > 1)
        snprintf(count, sizeof count, "%u replicas", left);
    home_warn(home, "a replica of rank %u (process %u on %s) %s: rank %u has %s left, on %s", rank,
              message->pid, home->hosts[host].name, how, rank, count, places);
    free(places);
}

void home_process_ended(struct home *home, size_t host, const Wire__RankExit *message)
{
    uint32_t process = message->rank;

    if (process >= home->spec->ranks || home->spec->rank_host[process] != host ||
        roster_state_of(home->roster, process) != ROSTER_RUNS)
        return;
    spread_exit(home, host, message);
    if (has_ended_well(message))
        roster_ended_well(home->roster, process);
    else if (roster_died(home->roster, process))
        merge_dead(home->merge, process);
    home_input_check(home);
    uint32_t rank = roster_rank(home->roster, process);
    struct rank_end end = {.rank = rank,
                           .code = message->code,
                           .signal = message->signal,
                           .was_init = message->was_init,
                           .finalized = message->finalized,
                           .reason = message->reason,
                           .host = home->hosts[host].name,
                           .pid = message->pid};
    if (roster_left(home->roster, rank) > 0 && !has_ended_well(message)) {
        if (home->killing == 0 && !home->result.failed)
            warn_of_loss(home, host, message);
    } else if (result_rank_ended(&home->result, &end, home->killing != 0)) {
        home_event(home, HOME_EVENT_FAIL);
    }
}

/* ---- a host's processes */

/* Ranks that had a replica on this host and have `left` left now: "rank 3 has", "ranks 1, 3 have".
 * Returns how many. */
static uint32_t list_ranks(const struct home *home, size_t host, uint32_t left, char *text_out,
                           size_t size)
{
    const struct world *world = roster_world(home->roster);
    uint32_t count = 0;
    char list[160] = "";
    size_t used = 0;

    for (uint32_t process = 0; process < home->spec->ranks; process++) {
        if (home->spec->rank_host[process] != host ||
            roster_state_of(home->roster, process) != ROSTER_DEAD ||
            roster_left(home->roster, (uint32_t)world->rank[process]) != left)
            continue;
        if (used + 24 < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%d", count > 0 ? ", " : "",
                                     world->rank[process]);
        else if (list[used - 1] != '.')
            used += (size_t)snprintf(list + used, sizeof list - used, ", ...");
        count++;
    }
    snprintf(text_out, size, "rank%s %s %s", count == 1 ? "" : "s", list,
             count == 1 ? "has" : "have");
    return count;
}

bool home_processes_lost(struct home *home, size_t host, char *text_out, size_t size)
{
    char ranks[200];

    for (uint32_t process = 0; process < home->spec->ranks; process++)
        if (home->spec->rank_host[process] == host && roster_lost(home->roster, process))
            merge_dead(home->merge, process);
    text_out[0] = '\0';
    if (list_ranks(home, host, 0, ranks, sizeof ranks) > 0) {
        if (roster_has_replicas(home->roster))
            snprintf(text_out, size, "%s no replica left", ranks);
        return false;
    }
    if (list_ranks(home, host, 1, ranks, sizeof ranks) > 0)
        snprintf(text_out, size, "%s one replica left", ranks);
    else if (list_ranks(home, host, 2, ranks, sizeof ranks) > 0)
        snprintf(text_out, size, "%s two replicas left", ranks);
    return true;
}

/* ---- the end of all */

static bool is_silent(const struct home *home, uint32_t process)
{
    return home->hosts[home->spec->rank_host[process]].down_ms != 0;
}

/* One of the rank's replicas has ended well on a host that answers. */
static bool is_done(const struct home *home, int rank)
{
    const struct world *world = roster_world(home->roster);

    for (int set = 0; set < world->replicas; set++) {
        int process = world_process(world, rank, set);
        if (process >= 0 && !is_silent(home, (uint32_t)process) &&
            roster_state_of(home->roster, (uint32_t)process) == ROSTER_ENDED_WELL)
            return true;
    }
    return false;
}

/* Every rank is done; what seems to run is on hosts that do not answer. */
static bool is_rest_silent(const struct home *home)
{
    for (uint32_t process = 0; process < home->spec->ranks; process++)
        if (roster_state_of(home->roster, process) == ROSTER_RUNS && !is_silent(home, process))
            return false;
    for (int rank = 0; rank < roster_world(home->roster)->ranks; rank++)
        if (!is_done(home, rank))
            return false;
    return true;
}

void home_ranks_check(struct home *home)
{
    if (home->state != HOME_RUN)
        return;
    if (roster_running(home->roster) == 0) {
        home_event(home, HOME_EVENT_RANKS_ENDED);
        return;
    }
    if (!is_rest_silent(home))
        return;
    for (size_t i = 0; home->state == HOME_RUN && i < home->host_count; i++)
        if (home->hosts[i].down_ms != 0)
            home_host_lost(home, i, "the job has ended without it");
}
