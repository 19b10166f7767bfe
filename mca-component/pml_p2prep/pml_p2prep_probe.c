/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_probe.c - MPI_Probe and its relatives: looking at what came unexpected */
#include "mca-component/pml_p2prep/pml_p2prep.h"
#include "mca-component/pml_p2prep/pml_p2prep_order.h"
#include "mca-component/pml_p2prep/pml_p2prep_refuse.h"

static void status_fill(ompi_status_public_t *status, const struct p2prep_message *m)
{
    if (status == MPI_STATUS_IGNORE)
        return;
    status->MPI_SOURCE = m->env.head.source;
    status->MPI_TAG = m->env.head.tag;
    status->_ucount = m->env.length;
    status->_cancelled = 0;
}

/* The handle of a message that a probe took. */
static void message_fill(struct ompi_message_t *message, struct ompi_communicator_t *comm,
                         struct p2prep_message *m)
{
    message->comm = comm;
    message->req_ptr = m;
    message->peer = m->env.head.source;
    message->count = m->env.length;
}

/* As was decided. */
static int look_decided(int source, int tag, struct ompi_communicator_t *comm, bool blocks,
                        int *matched, struct ompi_message_t **message_out,
                        ompi_status_public_t *status)
{
    struct p2prep_comm *pc = (struct p2prep_comm *)comm->c_pml_comm;
    struct ompi_message_t *message = message_out ? ompi_message_alloc() : NULL;
    if (message_out && !message)
        return OMPI_ERR_TEMP_OUT_OF_RESOURCE;
    struct p2prep_message *m = p2prep_order_probe(pc, source, tag, blocks, message_out != NULL);
    *matched = m != NULL;
    if (m)
        status_fill(status, m);
    if (m && message_out) {
        message_fill(message, comm, m);
        *message_out = message;
    } else if (message) {
        ompi_message_return(message);
    }
    return OMPI_SUCCESS;
}

static bool is_decided(const struct ompi_communicator_t *comm)
{
    return ((const struct p2prep_comm *)comm->c_pml_comm)->matching != NULL;
}

/* One look. With `message_out` what is found is the caller's. */
static int look(int source, int tag, struct ompi_communicator_t *comm, int *matched,
                struct ompi_message_t **message_out, ompi_status_public_t *status)
{
    struct p2prep_comm *pc = (struct p2prep_comm *)comm->c_pml_comm;
    struct ompi_message_t *message = NULL;
    p2prep_lock();
    struct p2prep_message *m = p2prep_match_find(pc, source, tag, false);
    if (m && message_out && !(message = ompi_message_alloc())) {
        p2prep_unlock();
        return OMPI_ERR_TEMP_OUT_OF_RESOURCE;
    }
    if (m)
        status_fill(status, m);
    if (m && message) {
        p2prep_match_find(pc, source, tag, true);
        message_fill(message, comm, m);
        *message_out = message;
    }
    p2prep_unlock();
    *matched = m != NULL;
    return OMPI_SUCCESS;
}

static int look_twice(int source, int tag, struct ompi_communicator_t *comm, int *matched,
                      struct ompi_message_t **message_out, ompi_status_public_t *status)
{
    if (OPAL_UNLIKELY(mca_pml_p2prep.world && source == OMPI_ANY_SOURCE))
        p2prep_refuse_wildcard(tag, SIZE_MAX);
    int rc = look(source, tag, comm, matched, message_out, status);
    if (rc != OMPI_SUCCESS || *matched)
        return rc;
    opal_progress();
    return look(source, tag, comm, matched, message_out, status);
}

static int look_until(int source, int tag, struct ompi_communicator_t *comm,
                      struct ompi_message_t **message_out, ompi_status_public_t *status)
{
    int matched = 0, rc = OMPI_SUCCESS;
    if (is_decided(comm))
        return look_decided(source, tag, comm, true, &matched, message_out, status);
    while (!matched && rc == OMPI_SUCCESS)
        rc = look_twice(source, tag, comm, &matched, message_out, status);
    return rc;
}

int mca_pml_p2prep_iprobe(int source, int tag, struct ompi_communicator_t *comm, int *matched,
                          ompi_status_public_t *status)
{
    if (is_decided(comm))
        return look_decided(source, tag, comm, false, matched, NULL, status);
    if (OPAL_UNLIKELY(mca_pml_p2prep.world != NULL))
        p2prep_refuse_test();
    return look_twice(source, tag, comm, matched, NULL, status);
}

int mca_pml_p2prep_probe(int source, int tag, struct ompi_communicator_t *comm,
                         ompi_status_public_t *status)
{
    return look_until(source, tag, comm, NULL, status);
}

int mca_pml_p2prep_improbe(int source, int tag, struct ompi_communicator_t *comm, int *matched,
                           struct ompi_message_t **message, ompi_status_public_t *status)
{
    *message = MPI_MESSAGE_NULL;
    if (is_decided(comm))
        return look_decided(source, tag, comm, false, matched, message, status);
    if (OPAL_UNLIKELY(mca_pml_p2prep.world != NULL))
        p2prep_refuse_test();
    return look_twice(source, tag, comm, matched, message, status);
}

int mca_pml_p2prep_mprobe(int source, int tag, struct ompi_communicator_t *comm,
                          struct ompi_message_t **message, ompi_status_public_t *status)
{
    return look_until(source, tag, comm, message, status);
}
