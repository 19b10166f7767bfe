/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_stats.c - what this process did: MPI_T performance variables, and a line at the end
 *
 * A failover begins with the news, here, that the replica is dead which sent us what its rank
 * sends; it is over when the replica that stands in for it has sent again what was lacking, and
 * every message of which the dead left a part is whole. Deaths of the same rank before that count
 * one by one, their time once. */
#include "mca-component/pml_p2prep/pml_p2prep_stats.h"

#include "mca-component/pml_p2prep/pml_p2prep.h"
#include "mca-component/pml_p2prep/pml_p2prep_order.h"
#include "mca-component/pml_p2prep/pml_p2prep_replica.h"
#include "replica/replica.h"

#include <mpi.h>
#include <opal/mca/base/mca_base_pvar.h>

#include <time.h>

static struct {
    int64_t *since_us; /* by rank of the world; 0: no failover under way */
    uint64_t failover_us, failover_max_us;
    uint64_t waited_max_us; /* for a decision */
    uint64_t dead;
} own; /* this process's, like the component itself */

int64_t p2prep_stats_clock_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void p2prep_stats_failover(int rank, bool is_over)
{
    if (!own.since_us &&
        !(own.since_us = calloc((size_t)mca_pml_p2prep.world->ranks, sizeof *own.since_us)))
        return;
    int64_t *since_us = &own.since_us[rank], now_us = p2prep_stats_clock_us();
    if (!is_over) {
        if (*since_us == 0)
            *since_us = now_us;
        return;
    }
    uint64_t took_us = (uint64_t)(now_us - *since_us);
    *since_us = 0;
    own.failover_us += took_us;
    if (took_us > own.failover_max_us)
        own.failover_max_us = took_us;
}

void p2prep_stats_dead(void)
{
    own.dead++;
}

void p2prep_stats_waited(int64_t since_us)
{
    uint64_t took_us = (uint64_t)(p2prep_stats_clock_us() - since_us);
    if (took_us > own.waited_max_us)
        own.waited_max_us = took_us;
}

/* ---- MPI_T ---- */

enum value {
    SENT,
    SENT_BYTES,
    RECEIVED,
    RECEIVED_BYTES,
    RESENT,
    RESENT_BYTES,
    ACKS,
    COPIED,
    COPIED_BYTES,
    KEPT,
    KEPT_PEAK,
    FAILOVERS,
    FAILOVER_TIME,
    FAILOVER_TIME_MAX,
    SERVED,
    DEAD,
    STREAMS,
    VERIFIED,
    UNVERIFIED,
    DECIDED,
    FOLLOWED,
    NO_RUNS,
    WAITED_MAX,
    LED,
    N_VALUES
};

static const struct {
    const char *name;
    int class;
    const char *help;
} variables[N_VALUES] = {
    [SENT] = {"messages_sent", MPI_T_PVAR_CLASS_COUNTER,
              "Messages that the program and Open MPI for it posted here, to itself too"},
    [SENT_BYTES] = {"bytes_sent", MPI_T_PVAR_CLASS_COUNTER, "Bytes in these messages"},
    [RECEIVED] = {"messages_received", MPI_T_PVAR_CLASS_COUNTER,
                  "Messages that went to a receive of this process"},
    [RECEIVED_BYTES] = {"bytes_received", MPI_T_PVAR_CLASS_COUNTER, "Bytes in these messages"},
    [RESENT] = {"messages_resent", MPI_T_PVAR_CLASS_COUNTER,
                "With replicas: messages sent again in place of a dead process"},
    [RESENT_BYTES] = {"bytes_resent", MPI_T_PVAR_CLASS_COUNTER,
                      "With replicas: bytes sent again in place of a dead process"},
    [ACKS] = {"acknowledgements", MPI_T_PVAR_CLASS_COUNTER,
              "With replicas: acknowledgements sent, and passed on to other replicas of this rank"},
    [COPIED] = {"messages_copied", MPI_T_PVAR_CLASS_COUNTER,
                "With replicas: long messages copied because other replicas of their receiver were "
                "late"},
    [COPIED_BYTES] = {"bytes_copied", MPI_T_PVAR_CLASS_COUNTER, "Bytes in these messages"},
    [KEPT] = {"bytes_kept", MPI_T_PVAR_CLASS_LEVEL,
              "With replicas: bytes kept now because other replicas of their receivers may lack "
              "them (at most pml_p2prep_retain_max)"},
    [KEPT_PEAK] = {"bytes_kept_peak", MPI_T_PVAR_CLASS_HIGHWATERMARK,
                   "With replicas: the most bytes kept at any time"},
    [FAILOVERS] = {"failovers", MPI_T_PVAR_CLASS_COUNTER,
                   "With replicas: deaths of processes that sent to this one, each replaced by "
                   "another replica of its rank"},
    [FAILOVER_TIME] = {"failover_time", MPI_T_PVAR_CLASS_TIMER,
                       "With replicas: microseconds from the news of these deaths until what the "
                       "dead owed was here from their substitutes, in all"},
    [FAILOVER_TIME_MAX] = {"failover_time_max", MPI_T_PVAR_CLASS_HIGHWATERMARK,
                           "With replicas: microseconds that the longest of them took"},
    [SERVED] = {"claims_served", MPI_T_PVAR_CLASS_COUNTER,
                "With replicas: times that this process took over what a dead replica of its own "
                "rank sent to another process"},
    [DEAD] = {"dead", MPI_T_PVAR_CLASS_LEVEL, "With replicas: processes of the job known dead"},
    [STREAMS] = {"streams", MPI_T_PVAR_CLASS_LEVEL,
                 "With replicas: sequences of messages numbered now, in and out: one for each "
                 "communicator and partner, and for each non-blocking collective under way"},
    [VERIFIED] = {"messages_verified", MPI_T_PVAR_CLASS_COUNTER,
                  "With pml_p2prep_verify: messages posted here whose contents the living replicas "
                  "of this rank share"},
    [UNVERIFIED] = {"messages_unverified", MPI_T_PVAR_CLASS_COUNTER,
                    "With pml_p2prep_verify: messages that were not compared, for a replica was "
                    "more than a million of them behind"},
    [DECIDED] = {"decisions_made", MPI_T_PVAR_CLASS_COUNTER,
                 "With replicas: decisions made here for all replicas of this rank: what a receive "
                 "from any source got, what a test, a probe, a cancel or a clock answered"},
    [FOLLOWED] = {"decisions_followed", MPI_T_PVAR_CLASS_COUNTER,
                  "With replicas: decisions that another replica of this rank made"},
    [NO_RUNS] = {"decisions_no_runs", MPI_T_PVAR_CLASS_COUNTER,
                 "With replicas: rows of tests and probes that found nothing, made or followed; "
                 "each row is one number"},
    [WAITED_MAX] = {"decision_wait_max", MPI_T_PVAR_CLASS_HIGHWATERMARK,
                    "With replicas: microseconds that a call waited at most for a decision"},
    [LED] = {"decisions_taken_over", MPI_T_PVAR_CLASS_COUNTER,
             "With replicas: times that this process began to decide in place of the dead"},
};

static void values_get(uint64_t values[N_VALUES])
{
    const mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    struct replica_stats engine;
    struct decide_stats order;
    p2prep_replica_stats(&engine);
    p2prep_order_stats(&order);
    values[SENT] = pml->counts.sent;
    values[SENT_BYTES] = pml->counts.sent_bytes;
    values[RECEIVED] = pml->counts.received;
    values[RECEIVED_BYTES] = pml->counts.received_bytes;
    values[RESENT] = engine.resent;
    values[RESENT_BYTES] = engine.resent_bytes;
    values[ACKS] = engine.acks;
    values[COPIED] = engine.copied;
    values[COPIED_BYTES] = engine.copied_bytes;
    values[KEPT] = engine.retained;
    values[KEPT_PEAK] = engine.retained_peak;
    values[FAILOVERS] = engine.failovers;
    values[FAILOVER_TIME] = own.failover_us;
    values[FAILOVER_TIME_MAX] = own.failover_max_us;
    values[SERVED] = engine.served;
    values[DEAD] = own.dead;
    values[STREAMS] = engine.streams;
    values[VERIFIED] = engine.verified;
    values[UNVERIFIED] = engine.unverified;
    values[DECIDED] = order.decided;
    values[FOLLOWED] = order.followed;
    values[NO_RUNS] = order.no_runs;
    values[WAITED_MAX] = own.waited_max_us;
    values[LED] = order.led;
}

static int value_read(const mca_base_pvar_t *pvar, void *value, void *object)
{
    uint64_t values[N_VALUES];
    (void)object;
    values_get(values);
    *(unsigned long long *)value = values[(uintptr_t)pvar->ctx];
    return OMPI_SUCCESS;
}

void p2prep_stats_register(void)
{
    for (uintptr_t i = 0; i < N_VALUES; i++)
        (void)mca_base_component_pvar_register(
            &mca_pml_p2prep_component.pmlm_version, variables[i].name, variables[i].help,
            OPAL_INFO_LVL_4, variables[i].class, MCA_BASE_VAR_TYPE_UNSIGNED_LONG_LONG, NULL,
            MPI_T_BIND_NO_OBJECT, MCA_BASE_PVAR_FLAG_READONLY | MCA_BASE_PVAR_FLAG_CONTINUOUS,
            value_read, NULL, NULL, (void *)i);
}

/* ---- the line at the end ---- */

/* Shorter names than MPI_T's, in the order of enum value. */
static const char *const words[N_VALUES] = {
    "sent",         "sent_bytes",      "received",      "received_bytes",
    "resent",       "resent_bytes",    "acks",          "copied",
    "copied_bytes", "kept_now",        "kept_peak",     "failovers",
    "failover_us",  "failover_max_us", "taken_over",    "dead",
    "streams",      "verified",        "unverified",    "decided",
    "followed",     "no_runs",         "waited_max_us", "led"};

void p2prep_stats_say(void)
{
    const struct world *world = mca_pml_p2prep.world;
    uint32_t me = OMPI_PROC_MY_NAME->vpid;
    uint64_t values[N_VALUES];
    char line[1024];
    int used =
        world ? snprintf(line, sizeof line, "rank %d replica %d:", world->rank[me], world->set[me])
              : snprintf(line, sizeof line, "rank %u:", me);
    if (!mca_pml_p2prep.stats)
        return;
    values_get(values);
    for (int i = 0; i < (world ? N_VALUES : RESENT) && used < (int)sizeof line; i++)
        used += snprintf(line + used, sizeof line - (size_t)used, " %s %llu", words[i],
                         (unsigned long long)values[i]);
    opal_output(0, "p2prep: %s", line);
}

void p2prep_stats_close(void)
{
    free(own.since_us);
    own.since_us = NULL;
}
