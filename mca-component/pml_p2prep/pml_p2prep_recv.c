/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_recv.c - receives, from posting to completion
 *
 * A small message is in its envelope. A large one is read from the sender's memory where that is
 * allowed, else cleared to be sent and comes as a body: into the program's buffer, or, for a
 * datatype with gaps, into a buffer of ours first. */
#include "mca-component/pml_p2prep/pml_p2prep.h"
#include "mca-component/pml_p2prep/pml_p2prep_order.h"
#include "mca-component/pml_p2prep/pml_p2prep_refuse.h"
#include "mca-component/pml_p2prep/pml_p2prep_replica.h"

static void packed_drop(mca_pml_p2prep_recv_request_t *recv)
{
    if (OPAL_UNLIKELY(recv->packed != NULL))
        free(recv->packed);
    recv->packed = NULL;
    recv->keeps_all = false;
}

static void recv_return(mca_pml_p2prep_recv_request_t *recv)
{
    mca_pml_base_request_t *base = &recv->req_recv.req_base;
    p2prep_count_live(base->req_comm, base->req_tag, -1);
    packed_drop(recv);
    MCA_PML_BASE_RECV_REQUEST_FINI(&recv->req_recv);
    opal_free_list_return(&mca_pml_base_recv_requests, (opal_free_list_item_t *)recv);
}

static int recv_free(struct ompi_request_t **request)
{
    mca_pml_p2prep_recv_request_t *recv = (mca_pml_p2prep_recv_request_t *)*request;
    p2prep_lock();
    recv->req_recv.req_base.req_free_called = true;
    p2prep_order_forget(recv);
    if (recv->req_recv.req_base.req_pml_complete)
        recv_return(recv);
    p2prep_unlock();
    *request = MPI_REQUEST_NULL;
    return OMPI_SUCCESS;
}

static void recv_complete(mca_pml_p2prep_recv_request_t *recv)
{
    mca_pml_base_request_t *base = &recv->req_recv.req_base;
    if (!recv->keeps_all)
        packed_drop(recv);
    if (recv->id) {
        p2prep_id_drop(recv->id);
        recv->id = 0;
    }
    if (base->req_free_called) {
        recv_return(recv);
        return;
    }
    base->req_pml_complete = true;
    p2prep_request_done(&base->req_ompi);
}

static void cancelled(mca_pml_p2prep_recv_request_t *recv)
{
    recv->is_matched = true;
    recv->req_recv.req_base.req_ompi.req_status._cancelled = true;
    recv_complete(recv);
}

static int recv_cancel(struct ompi_request_t *request, int flag)
{
    mca_pml_p2prep_recv_request_t *recv = (mca_pml_p2prep_recv_request_t *)request;
    const struct p2prep_comm *pc =
        (struct p2prep_comm *)recv->req_recv.req_base.req_comm->c_pml_comm;
    (void)flag;
    if (pc->matching) {
        if (request->req_state == OMPI_REQUEST_ACTIVE && p2prep_order_cancel(recv))
            cancelled(recv);
        return OMPI_SUCCESS;
    }
    p2prep_lock();
    if (!recv->is_matched && request->req_state == OMPI_REQUEST_ACTIVE) {
        p2prep_match_unpost((struct p2prep_comm *)recv->req_recv.req_base.req_comm->c_pml_comm,
                            recv);
        cancelled(recv);
    }
    p2prep_unlock();
    return OMPI_SUCCESS;
}

static void recv_construct(mca_pml_p2prep_recv_request_t *recv)
{
    mca_pml_base_request_t *base = &recv->req_recv.req_base;
    base->req_type = MCA_PML_REQUEST_RECV;
    base->req_ompi.req_start = mca_pml_p2prep_start;
    base->req_ompi.req_free = recv_free;
    base->req_ompi.req_cancel = recv_cancel;
    recv->id = 0;
    recv->packed = NULL;
    recv->keeps_all = false;
    recv->post = (struct match_post){0};
}

OBJ_CLASS_INSTANCE(mca_pml_p2prep_recv_request_t, mca_pml_base_recv_request_t, recv_construct,
                   NULL);

/* Puts bytes that lie in a row where the program's datatype wants them. */
static int unpack(mca_pml_p2prep_recv_request_t *recv, const void *bytes, size_t size)
{
    mca_pml_base_request_t *base = &recv->req_recv.req_base;
    if (size == 0)
        return MPI_SUCCESS;
    if (OPAL_LIKELY(p2prep_is_contiguous(base->req_datatype, base->req_count))) {
        memcpy(p2prep_first_byte(base->req_addr, base->req_datatype), bytes, size);
        return MPI_SUCCESS;
    }
    opal_convertor_t convertor;
    OBJ_CONSTRUCT(&convertor, opal_convertor_t);
    opal_convertor_copy_and_prepare_for_recv(ompi_mpi_local_convertor, &base->req_datatype->super,
                                             base->req_count, base->req_addr, 0, &convertor);
    struct iovec iov = {.iov_base = (IOVBASE_TYPE *)bytes, .iov_len = size};
    uint32_t n = 1;
    size_t max = size;
    int rc = opal_convertor_unpack(&convertor, &iov, &n, &max);
    OBJ_DESTRUCT(&convertor);
    return rc < 0 ? MPI_ERR_TYPE : MPI_SUCCESS;
}

static void send_finished(struct p2prep_peer *peer, uint64_t send_id)
{
    struct p2prep_finished_head head = {.kind = P2PREP_FINISHED, .send_id = send_id};
    if (peer == mca_pml_p2prep.self)
        p2prep_send_finished(peer, &head);
    else
        p2prep_peer_put(peer, &head, sizeof head, NULL, 0, NULL);
}

/* Bytes of a message that are wanted in their place. */
static size_t place_size(const mca_pml_p2prep_recv_request_t *recv)
{
    return recv->keeps_all ? recv->length : recv->wanted;
}

static void *packed_place(mca_pml_p2prep_recv_request_t *recv)
{
    if (!recv->packed && !(recv->packed = malloc(place_size(recv) + 1)))
        p2prep_no_memory(place_size(recv));
    return recv->packed;
}

/* Where a large message goes to. */
static void *place_of(mca_pml_p2prep_recv_request_t *recv)
{
    mca_pml_base_request_t *base = &recv->req_recv.req_base;
    if (!recv->keeps_all && p2prep_is_contiguous(base->req_datatype, base->req_count))
        return p2prep_first_byte(base->req_addr, base->req_datatype);
    return packed_place(recv);
}

static void body_arrived(mca_pml_p2prep_recv_request_t *recv)
{
    if (recv->packed) {
        int rc = unpack(recv, recv->packed, recv->wanted);
        if (rc != MPI_SUCCESS)
            recv->req_recv.req_base.req_ompi.req_status.MPI_ERROR = rc;
    }
    recv_complete(recv);
}

bool p2prep_recv_get(mca_pml_p2prep_recv_request_t *recv, struct p2prep_peer *peer,
                     uint64_t address, uint64_t length)
{
    const struct p2prep_medium *medium = peer->wire->medium;
    size_t most = place_size(recv), size = length < most ? length : most;
    if (!medium->has_get || !medium->link_has_get(peer->wire))
        return false;
    return size == 0 || medium->get(peer->wire, place_of(recv), address, size) == 0;
}

static void take_large(mca_pml_p2prep_recv_request_t *recv, struct p2prep_peer *peer,
                       const struct p2prep_envelope_head *env)
{
    if (recv->wanted == 0) {
        send_finished(peer, env->send_id);
        recv_complete(recv);
        return;
    }
    if (env->address && p2prep_recv_get(recv, peer, env->address, recv->wanted)) {
        send_finished(peer, env->send_id);
        body_arrived(recv);
        return;
    }
    if (!(recv->id = p2prep_id_give(recv, P2PREP_ID_RECV, peer)))
        p2prep_no_memory(sizeof *recv);
    recv->peer = peer;
    struct p2prep_clear_head head = {
        .kind = P2PREP_CLEAR, .send_id = env->send_id, .recv_id = recv->id, .wanted = recv->wanted};
    p2prep_peer_put(peer, &head, sizeof head, NULL, 0, NULL);
}

static void take_replicated(mca_pml_p2prep_recv_request_t *recv,
                            const struct p2prep_envelope_head *env, const void *bytes)
{
    bool is_here = env->address == 0;
    int rc = is_here ? unpack(recv, bytes, recv->wanted) : MPI_SUCCESS;
    if (rc != MPI_SUCCESS)
        recv->req_recv.req_base.req_ompi.req_status.MPI_ERROR = rc;
    if (is_here && recv->keeps_all)
        memcpy(packed_place(recv), bytes, recv->length);
    p2prep_replica_take(recv, env);
    if (is_here)
        recv_complete(recv);
}

void p2prep_recv_fill(mca_pml_p2prep_recv_request_t *recv, uint64_t offset, const void *bytes,
                      size_t size)
{
    size_t most = place_size(recv);
    if (offset >= most)
        return;
    if (size > most - offset)
        size = most - offset;
    memcpy((char *)place_of(recv) + offset, bytes, size);
}

void p2prep_recv_take(mca_pml_p2prep_recv_request_t *recv, struct p2prep_peer *peer,
                      const struct p2prep_envelope_head *env, const void *bytes, size_t held)
{
    mca_pml_base_request_t *base = &recv->req_recv.req_base;
    ompi_status_public_t *status = &base->req_ompi.req_status;
    size_t capacity = base->req_datatype->super.size * base->req_count;
    mca_pml_p2prep.counts.received++;
    mca_pml_p2prep.counts.received_bytes += env->length;
    recv->is_matched = true;
    recv->length = env->length;
    recv->wanted = env->length < capacity ? env->length : capacity;
    recv->keeps_all = recv->post.is_bound && env->length > capacity;
    status->MPI_SOURCE = env->head.source;
    status->MPI_TAG = env->head.tag;
    status->_ucount = env->length;
    if (env->length > capacity)
        status->MPI_ERROR = MPI_ERR_TRUNCATE;
    if (peer == NULL) { /* from the engine */
        take_replicated(recv, env, bytes);
        return;
    }
    if (env->head.kind == P2PREP_ENVELOPE) {
        take_large(recv, peer, env);
        return;
    }
    int rc = unpack(recv, bytes, held < recv->wanted ? held : recv->wanted);
    if (rc != MPI_SUCCESS)
        status->MPI_ERROR = rc;
    if (env->head.kind == P2PREP_SYNC)
        send_finished(peer, env->send_id);
    recv_complete(recv);
}

void *p2prep_recv_place(const struct p2prep_peer *peer, const struct p2prep_body_head *head,
                        size_t size, mca_pml_p2prep_recv_request_t **recv_out)
{
    mca_pml_p2prep_recv_request_t *recv = p2prep_id_claim(head->recv_id, P2PREP_ID_RECV, peer);
    if (!recv || size != recv->wanted)
        return NULL;
    *recv_out = recv;
    return place_of(recv);
}

void p2prep_recv_placed(mca_pml_p2prep_recv_request_t *recv, bool is_whole)
{
    recv->env.address = 0;
    if (is_whole)
        body_arrived(recv);
}

static void recv_begin(mca_pml_p2prep_recv_request_t *recv)
{
    packed_drop(recv);
    MCA_PML_BASE_RECV_START(&recv->req_recv);
    recv->is_matched = false;
}

/* What came of its message, in a row. */
static void buffer_pack(mca_pml_p2prep_recv_request_t *recv, void *to)
{
    const mca_pml_base_request_t *base = &recv->req_recv.req_base;
    size_t size = place_size(recv);
    if (size == 0)
        return;
    if (recv->packed)
        memcpy(to, recv->packed, size);
    else if (p2prep_is_contiguous(base->req_datatype, base->req_count))
        memcpy(to, p2prep_first_byte(base->req_addr, base->req_datatype), size);
    else
        (void)p2prep_pack(base->req_addr, base->req_count, base->req_datatype, to, size);
}

struct p2prep_message *p2prep_recv_give_back(mca_pml_p2prep_recv_request_t *recv)
{
    size_t held = recv->env.address ? 0 : recv->length;
    struct p2prep_message *m = calloc(1, sizeof *m + held);
    if (!m)
        p2prep_no_memory(held);
    m->peer = recv->peer;
    m->env = recv->env;
    m->held = held;
    m->from = m->bytes;
    if (m->env.address) {
        void *bytes = calloc(1, recv->length + 1);
        if (!bytes)
            p2prep_no_memory(recv->length);
        buffer_pack(recv, bytes);
        p2prep_replica_untake(&m->env, bytes);
    } else {
        buffer_pack(recv, m->bytes);
    }
    recv->req_recv.req_base.req_ompi.req_status.MPI_ERROR = MPI_SUCCESS;
    recv_begin(recv);
    return m;
}

void p2prep_recv_start(mca_pml_p2prep_recv_request_t *recv)
{
    mca_pml_base_request_t *base = &recv->req_recv.req_base;
    struct p2prep_comm *pc = (struct p2prep_comm *)base->req_comm->c_pml_comm;
    if (OPAL_UNLIKELY(pc->matching != NULL)) {
        p2prep_order_forget(recv);
        recv_begin(recv);
        p2prep_order_post(pc, recv);
        return;
    }
    recv_begin(recv);
    p2prep_lock();
    struct p2prep_message *m = p2prep_match_find(pc, base->req_peer, base->req_tag, true);
    if (m) {
        p2prep_recv_take(recv, m->peer, &m->env, m->bytes, m->held);
        free(m);
    } else {
        p2prep_match_post(pc, recv);
    }
    p2prep_unlock();
}

static mca_pml_p2prep_recv_request_t *recv_create(void *buf, size_t count, ompi_datatype_t *type,
                                                  int source, int tag,
                                                  struct ompi_communicator_t *comm,
                                                  bool is_persistent)
{
    mca_pml_p2prep_recv_request_t *recv =
        (mca_pml_p2prep_recv_request_t *)opal_free_list_get(&mca_pml_base_recv_requests);
    if (OPAL_UNLIKELY(mca_pml_p2prep.world && source == OMPI_ANY_SOURCE))
        p2prep_refuse_wildcard(tag, count);
    if (recv)
        MCA_PML_BASE_RECV_REQUEST_INIT(&recv->req_recv, buf, count, type, source, tag, comm,
                                       is_persistent);
    if (recv)
        p2prep_count_live(comm, tag, 1);
    if (recv)
        recv->post.is_firm = false;
    return recv;
}

int mca_pml_p2prep_irecv_init(void *buf, size_t count, ompi_datatype_t *type, int source, int tag,
                              struct ompi_communicator_t *comm, struct ompi_request_t **request)
{
    mca_pml_p2prep_recv_request_t *recv = recv_create(buf, count, type, source, tag, comm, true);
    if (!recv)
        return OMPI_ERR_TEMP_OUT_OF_RESOURCE;
    recv->req_recv.req_base.req_pml_complete = true;
    recv->is_matched = true;
    *request = (struct ompi_request_t *)recv;
    return OMPI_SUCCESS;
}

int mca_pml_p2prep_irecv(void *buf, size_t count, ompi_datatype_t *type, int source, int tag,
                         struct ompi_communicator_t *comm, struct ompi_request_t **request)
{
    mca_pml_p2prep_recv_request_t *recv = recv_create(buf, count, type, source, tag, comm, false);
    if (!recv)
        return OMPI_ERR_TEMP_OUT_OF_RESOURCE;
    p2prep_recv_start(recv);
    *request = (struct ompi_request_t *)recv;
    return OMPI_SUCCESS;
}

static int recv_wait(mca_pml_p2prep_recv_request_t *recv, ompi_status_public_t *status)
{
    ompi_request_t *request = &recv->req_recv.req_base.req_ompi;
    ompi_request_wait_completion(request);
    if (status != MPI_STATUS_IGNORE)
        OMPI_COPY_STATUS(status, request->req_status, false);
    int rc = request->req_status.MPI_ERROR;
    ompi_request_free(&request);
    return rc;
}

int mca_pml_p2prep_recv(void *buf, size_t count, ompi_datatype_t *type, int source, int tag,
                        struct ompi_communicator_t *comm, ompi_status_public_t *status)
{
    mca_pml_p2prep_recv_request_t *recv = recv_create(buf, count, type, source, tag, comm, false);
    if (!recv)
        return OMPI_ERR_TEMP_OUT_OF_RESOURCE;
    recv->post.is_firm = true;
    p2prep_recv_start(recv);
    return recv_wait(recv, status);
}

/* A receive for a message that a probe took out of its queue. */
static mca_pml_p2prep_recv_request_t *
recv_of_message(void *buf, size_t count, ompi_datatype_t *type, struct ompi_message_t **message)
{
    struct p2prep_message *m = (*message)->req_ptr;
    mca_pml_p2prep_recv_request_t *recv =
        recv_create(buf, count, type, m->env.head.source, m->env.head.tag, (*message)->comm, false);
    if (!recv)
        return NULL;
    recv_begin(recv);
    p2prep_lock();
    p2prep_recv_take(recv, m->peer, &m->env, m->bytes, m->held);
    p2prep_unlock();
    free(m);
    ompi_message_return(*message);
    *message = MPI_MESSAGE_NULL;
    return recv;
}

int mca_pml_p2prep_imrecv(void *buf, size_t count, ompi_datatype_t *type,
                          struct ompi_message_t **message, struct ompi_request_t **request)
{
    mca_pml_p2prep_recv_request_t *recv = recv_of_message(buf, count, type, message);
    if (!recv)
        return OMPI_ERR_TEMP_OUT_OF_RESOURCE;
    *request = (struct ompi_request_t *)recv;
    return OMPI_SUCCESS;
}

int mca_pml_p2prep_mrecv(void *buf, size_t count, ompi_datatype_t *type,
                         struct ompi_message_t **message, ompi_status_public_t *status)
{
    mca_pml_p2prep_recv_request_t *recv = recv_of_message(buf, count, type, message);
    return recv ? recv_wait(recv, status) : OMPI_ERR_TEMP_OUT_OF_RESOURCE;
}
