/* SPDX-License-Identifier: BSD-3-Clause */
/* events.c - rank 1 is killed; the others hear of it, tell each other of something, and finish
 *
 * Linked with MPI and PMIx. Prints "RANK heard DEAD SENDER" and "RANK out". */
#include <mpi.h>
#include <pmix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RANK_DIED (-30001) /* docs/pmix.md */
#define OWN_CODE  (-30099)

static volatile int dead = -1, sender = -1;

static void on_event(size_t id, pmix_status_t code, const pmix_proc_t *source, pmix_info_t infos[],
                     size_t count, pmix_info_t *results, size_t result_count,
                     pmix_event_notification_cbfunc_fn_t done, void *arg)
{
    (void)id;
    (void)infos;
    (void)count;
    (void)results;
    (void)result_count;
    if (code == RANK_DIED)
        dead = (int)source->rank;
    else
        sender = (int)source->rank;
    if (done != NULL)
        done(PMIX_EVENT_ACTION_COMPLETE, NULL, 0, NULL, NULL, arg);
}

static void await(volatile int *value)
{
    for (int i = 0; i < 500 && *value < 0; i++)
        usleep(10000);
}

static void tell(void)
{
    pmix_proc_t me;
    pmix_info_t info;

    PMIX_LOAD_PROCID(&me, getenv("PMIX_NAMESPACE"), 0);
    PMIX_INFO_LOAD(&info, PMIX_EVENT_NON_DEFAULT, NULL, PMIX_BOOL);
    PMIx_Notify_event(OWN_CODE, &me, PMIX_RANGE_NAMESPACE, &info, 1, NULL, NULL);
}

int main(int argc, char **argv)
{
    pmix_status_t codes[] = {RANK_DIED, OWN_CODE};
    int rank;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    PMIx_Register_event_handler(codes, 2, NULL, 0, on_event, NULL, NULL);
    MPI_Barrier(MPI_COMM_WORLD);
    usleep(100000); /* the registration of others has no answer that one could wait for */
    if (rank == 1)
        raise(SIGKILL);
    await(&dead);
    if (rank == 0)
        tell();
    await(&sender);
    printf("%d heard %d %d\n", rank, dead, sender);
    MPI_Finalize();
    printf("%d out\n", rank);
    return 0;
}
