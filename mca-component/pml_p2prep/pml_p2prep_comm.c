/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_comm.c - communicators: their queues, and messages that come before they exist here */
#include "mca-component/pml_p2prep/pml_p2prep.h"
#include "mca-component/pml_p2prep/pml_p2prep_order.h"
#include "mca-component/pml_p2prep/pml_p2prep_world.h"

#include <ompi/runtime/mpiruntime.h>

static int comms_reserve(uint32_t context)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    if (context < pml->n_comms)
        return 0;
    uint32_t more = pml->n_comms ? pml->n_comms : 64;
    while (more <= context)
        more *= 2;
    struct p2prep_comm **grown = realloc(pml->comms, more * sizeof *grown);
    if (!grown)
        return -1;
    memset(grown + pml->n_comms, 0, (more - pml->n_comms) * sizeof *grown);
    pml->comms = grown;
    pml->n_comms = more;
    return 0;
}

struct p2prep_comm *p2prep_comm_named(uint32_t name)
{
    struct p2prep_comm *pc;
    HASH_FIND(hh, mca_pml_p2prep.named, &name, sizeof name, pc);
    return pc;
}

struct p2prep_comm *p2prep_comm_next(const struct p2prep_comm *after)
{
    const mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    if (after && after->name >= P2PREP_NAMED)
        return after->hh.next;
    for (uint32_t name = after ? after->name + 1 : 0; name < pml->n_comms; name++)
        if (pml->comms[name])
            return pml->comms[name];
    return pml->named;
}

/* 0 or an OMPI error code. */
static int comm_enter(struct p2prep_comm *pc)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    if (pc->name >= P2PREP_NAMED && p2prep_comm_named(pc->name)) {
        p2prep_say("name", pc->name);
        return OMPI_ERR_OUT_OF_RESOURCE;
    }
    if (pc->name >= P2PREP_NAMED)
        HASH_ADD(hh, pml->named, name, sizeof pc->name, pc);
    else if (comms_reserve(pc->name))
        return OMPI_ERR_OUT_OF_RESOURCE;
    else
        pml->comms[pc->name] = pc;
    pc->comm->c_pml_comm = (struct mca_pml_comm_t *)pc;
    return OMPI_SUCCESS;
}

static void comm_leave(struct p2prep_comm *pc)
{
    if (pc->name >= P2PREP_NAMED)
        HASH_DEL(mca_pml_p2prep.named, pc);
    else
        mca_pml_p2prep.comms[pc->name] = NULL;
    pc->comm->c_pml_comm = NULL;
}

void p2prep_comms_close(void)
{
    struct p2prep_message *m;
    while ((m = TAILQ_FIRST(&mca_pml_p2prep.strangers))) {
        TAILQ_REMOVE(&mca_pml_p2prep.strangers, m, link);
        free(m);
    }
    free(mca_pml_p2prep.comms);
    mca_pml_p2prep.comms = NULL;
    mca_pml_p2prep.n_comms = 0;
}

/* Messages that came for this communicator before it was here. */
static void strangers_welcome(uint32_t context)
{
    struct p2prep_messages *strangers = &mca_pml_p2prep.strangers, mine;
    struct p2prep_message *m, *next;
    TAILQ_INIT(&mine);
    for (m = TAILQ_FIRST(strangers); m; m = next) {
        next = TAILQ_NEXT(m, link);
        if (m->env.head.context != context)
            continue;
        TAILQ_REMOVE(strangers, m, link);
        TAILQ_INSERT_TAIL(&mine, m, link);
    }
    while ((m = TAILQ_FIRST(&mine))) {
        TAILQ_REMOVE(&mine, m, link);
        p2prep_match_message(m->peer, &m->env, m->bytes, m->held);
        free(m);
    }
}

int p2prep_comm_world_rank(struct p2prep_comm *pc, int rank)
{
    return mca_pml_p2prep.world
        ->rank[ompi_group_get_proc_name(pc->comm->c_remote_group, rank).vpid];
}

/* With replicas messages name their sender by its rank in the world. */
static int *rank_table(struct p2prep_comm *pc)
{
    int n = mca_pml_p2prep.world->ranks;
    int *table = malloc((size_t)n * sizeof *table);
    for (int i = 0; table && i < n; i++)
        table[i] = -1;
    for (int i = 0; table && i < pc->size; i++)
        table[p2prep_comm_world_rank(pc, i)] = i;
    return table;
}

int mca_pml_p2prep_add_comm(struct ompi_communicator_t *comm)
{
    return p2prep_comm_add(comm, p2prep_context(comm));
}

static void comm_free(struct p2prep_comm *pc)
{
    p2prep_order_comm_close(pc);
    free(pc->rank_of);
    free(pc);
}

/* Threads that make communicators at the same time get them in an order that replicas do not share.
 */
static bool may_make(void)
{
    if (!mca_pml_p2prep.world || !ompi_mpi_thread_multiple ||
        pthread_equal(mca_pml_p2prep.main_thread, pthread_self()))
        return true;
    p2prep_say("thread makes", OMPI_PROC_MY_NAME->vpid, ompi_process_info.nodename);
    return false;
}

int p2prep_comm_add(struct ompi_communicator_t *comm, uint32_t name)
{
    if (!may_make())
        return OMPI_ERR_NOT_SUPPORTED;
    if (mca_pml_p2prep.world && comm == &ompi_mpi_comm_world.comm)
        p2prep_world_enter();
    if (mca_pml_p2prep.world && OMPI_COMM_IS_INTER(comm))
        p2prep_world_hide();
    int size = comm->c_remote_group->grp_proc_count;
    struct p2prep_comm *pc = calloc(1, sizeof *pc + (size_t)size * sizeof pc->sources[0]);
    if (!pc)
        return OMPI_ERR_OUT_OF_RESOURCE;
    pc->comm = comm;
    pc->name = name;
    pc->size = size;
    TAILQ_INIT(&pc->wild);
    for (int i = 0; i < size; i++) {
        TAILQ_INIT(&pc->sources[i].posted);
        TAILQ_INIT(&pc->sources[i].unexpected);
    }
    if (mca_pml_p2prep.world && !(pc->rank_of = rank_table(pc))) {
        free(pc);
        return OMPI_ERR_OUT_OF_RESOURCE;
    }
    if (mca_pml_p2prep.world)
        p2prep_order_comm_open(pc);
    p2prep_lock();
    int rc = comm_enter(pc);
    if (rc == OMPI_SUCCESS)
        strangers_welcome(name);
    p2prep_unlock();
    if (rc != OMPI_SUCCESS)
        comm_free(pc);
    return rc;
}

int mca_pml_p2prep_del_comm(struct ompi_communicator_t *comm)
{
    struct p2prep_comm *pc = (struct p2prep_comm *)comm->c_pml_comm;
    if (!pc)
        return OMPI_SUCCESS;
    p2prep_lock();
    comm_leave(pc);
    p2prep_unlock();
    for (int i = 0; i < pc->size; i++) {
        struct p2prep_message *m;
        while ((m = TAILQ_FIRST(&pc->sources[i].unexpected))) {
            TAILQ_REMOVE(&pc->sources[i].unexpected, m, link);
            free(m);
        }
    }
    if (mca_pml_p2prep.world)
        p2prep_world_keep_id(comm);
    p2prep_falling_close(&pc->falling);
    comm_free(pc);
    return OMPI_SUCCESS;
}

struct p2prep_peer *p2prep_comm_find_peer(struct p2prep_comm *pc, int rank)
{
    return pc->sources[rank].peer = p2prep_peer_of(ompi_comm_peer_lookup(pc->comm, rank));
}

int mca_pml_p2prep_dump(struct ompi_communicator_t *comm, int verbose)
{
    struct p2prep_comm *pc = (struct p2prep_comm *)comm->c_pml_comm;
    (void)verbose;
    if (!pc)
        return OMPI_SUCCESS;
    opal_output(0, "communicator %s (%u), rank %d of %d: %zu unexpected\n", comm->c_name, pc->name,
                comm->c_my_rank, pc->size, pc->unexpected);
    mca_pml_p2prep_recv_request_t *recv;
    TAILQ_FOREACH(recv, &pc->wild, link)
    opal_output(0, "  receive from any source, tag %d\n", recv->req_recv.req_base.req_tag);
    for (int i = 0; i < pc->size; i++) {
        struct p2prep_message *m;
        TAILQ_FOREACH(recv, &pc->sources[i].posted, link)
        opal_output(0, "  receive from %d, tag %d\n", i, recv->req_recv.req_base.req_tag);
        TAILQ_FOREACH(m, &pc->sources[i].unexpected, link)
        opal_output(0, "  message from %d, tag %d, %llu bytes\n", i, m->env.head.tag,
                    (unsigned long long)m->env.length);
    }
    return OMPI_SUCCESS;
}
