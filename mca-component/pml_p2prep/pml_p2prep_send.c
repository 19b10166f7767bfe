/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_send.c - sends, from the call to completion
 *
 * Up to the eager limit envelope and bytes are one message and the send is complete when it left.
 * Above, the envelope goes alone; the receiver reads the bytes itself and says so, or clears us to
 * send them. */
#include "mca-component/pml_p2prep/pml_p2prep.h"
#include "mca-component/pml_p2prep/pml_p2prep_replica.h"

static void send_return(mca_pml_p2prep_send_request_t *send)
{
    mca_pml_base_request_t *base = &send->req_send.req_base;
    p2prep_count_live(base->req_comm, base->req_tag, -1);
    MCA_PML_BASE_SEND_REQUEST_FINI(&send->req_send);
    opal_free_list_return(&mca_pml_base_send_requests, (opal_free_list_item_t *)send);
}

static int send_free(struct ompi_request_t **request)
{
    mca_pml_p2prep_send_request_t *send = (mca_pml_p2prep_send_request_t *)*request;
    p2prep_lock();
    send->req_send.req_base.req_free_called = true;
    if (send->req_send.req_base.req_pml_complete)
        send_return(send);
    else if (send->held)
        p2prep_replica_detach(send);
    p2prep_unlock();
    *request = MPI_REQUEST_NULL;
    return OMPI_SUCCESS;
}

/* A send cannot be taken back here, which the standard allows. */
static int send_cancel(struct ompi_request_t *request, int flag)
{
    (void)request;
    (void)flag;
    return OMPI_SUCCESS;
}

static void send_construct(mca_pml_p2prep_send_request_t *send)
{
    mca_pml_base_request_t *base = &send->req_send.req_base;
    base->req_type = MCA_PML_REQUEST_SEND;
    base->req_ompi.req_start = mca_pml_p2prep_start;
    base->req_ompi.req_free = send_free;
    base->req_ompi.req_cancel = send_cancel;
    send->id = 0;
    send->packed = NULL;
    send->held = NULL;
}

OBJ_CLASS_INSTANCE(mca_pml_p2prep_send_request_t, mca_pml_base_send_request_t, send_construct,
                   NULL);

void p2prep_send_complete(mca_pml_p2prep_send_request_t *send)
{
    mca_pml_base_request_t *base = &send->req_send.req_base;
    free(send->packed);
    send->packed = NULL;
    send->held = NULL;
    if (send->id) {
        p2prep_id_drop(send->id);
        send->id = 0;
    }
    if (send->req_send.req_send_mode == MCA_PML_BASE_SEND_BUFFERED)
        mca_pml_base_bsend_request_fini(&base->req_ompi);
    if (base->req_free_called) {
        send_return(send);
        return;
    }
    base->req_pml_complete = true;
    if (!REQUEST_COMPLETE(&base->req_ompi))
        p2prep_request_done(&base->req_ompi);
}

int p2prep_pack(const void *buf, size_t count, const ompi_datatype_t *type, void *bytes,
                size_t size)
{
    opal_convertor_t convertor;
    OBJ_CONSTRUCT(&convertor, opal_convertor_t);
    opal_convertor_copy_and_prepare_for_send(ompi_mpi_local_convertor, &type->super, count, buf, 0,
                                             &convertor);
    struct iovec iov = {.iov_base = bytes, .iov_len = size};
    uint32_t n = 1;
    size_t max = size;
    int rc = opal_convertor_pack(&convertor, &iov, &n, &max);
    OBJ_DESTRUCT(&convertor);
    return rc < 0 ? -1 : 0;
}

/* The bytes where they lie, NULL if they have gaps. */
static const void *bytes_in_place(const mca_pml_p2prep_send_request_t *send)
{
    const mca_pml_base_request_t *base = &send->req_send.req_base;
    if (send->req_send.req_addr != base->req_addr)
        return send->req_send.req_addr; /* packed into MPI_Buffer_attach's buffer */
    if (!p2prep_is_contiguous(base->req_datatype, base->req_count))
        return NULL;
    return p2prep_first_byte(base->req_addr, base->req_datatype);
}

const void *p2prep_send_bytes(mca_pml_p2prep_send_request_t *send)
{
    const mca_pml_base_request_t *base = &send->req_send.req_base;
    const void *bytes = bytes_in_place(send);
    size_t size = send->req_send.req_bytes_packed;
    if (bytes || size == 0)
        return bytes;
    if (!send->packed && (send->packed = malloc(size)) &&
        p2prep_pack(base->req_addr, base->req_count, base->req_datatype, send->packed, size)) {
        free(send->packed);
        send->packed = NULL;
    }
    return send->packed;
}

static void head_fill(mca_pml_p2prep_send_request_t *send, struct p2prep_envelope_head *env,
                      enum p2prep_kind kind)
{
    const mca_pml_base_request_t *base = &send->req_send.req_base;
    *env = (struct p2prep_envelope_head){
        .head = {.kind = kind,
                 .context = p2prep_name(base->req_comm),
                 .source = base->req_comm->c_my_rank,
                 .tag = base->req_tag},
        .length = send->req_send.req_bytes_packed,
    };
}

static int send_to_self(mca_pml_p2prep_send_request_t *send, const void *bytes)
{
    struct p2prep_envelope_head env;
    bool is_sync = send->req_send.req_send_mode == MCA_PML_BASE_SEND_SYNCHRONOUS;
    head_fill(send, &env, is_sync ? P2PREP_SYNC : P2PREP_EAGER);
    if (is_sync)
        env.send_id = send->id = p2prep_id_give(send, P2PREP_ID_SEND, send->peer);
    p2prep_match_message(send->peer, &env, bytes, env.length);
    if (!is_sync)
        p2prep_send_complete(send);
    return OMPI_SUCCESS;
}

static int send_small(mca_pml_p2prep_send_request_t *send, const void *bytes)
{
    struct p2prep_envelope_head env;
    size_t size = send->req_send.req_bytes_packed;
    mca_pml_base_send_mode_t mode = send->req_send.req_send_mode;
    if (mode == MCA_PML_BASE_SEND_SYNCHRONOUS) {
        head_fill(send, &env, P2PREP_SYNC);
        env.send_id = send->id = p2prep_id_give(send, P2PREP_ID_SEND, send->peer);
        return p2prep_peer_put(send->peer, &env, sizeof env, bytes, size, NULL);
    }
    head_fill(send, &env, P2PREP_EAGER);
    if (mode != MCA_PML_BASE_SEND_BUFFERED)
        return p2prep_peer_put(send->peer, &env.head, sizeof env.head, bytes, size, send);
    int rc = p2prep_peer_put(send->peer, &env.head, sizeof env.head, bytes, size, NULL);
    p2prep_send_complete(send);
    return rc;
}

static int send_large(mca_pml_p2prep_send_request_t *send)
{
    struct p2prep_envelope_head env;
    ompi_request_t *request = &send->req_send.req_base.req_ompi;
    bool is_buffered = send->req_send.req_send_mode == MCA_PML_BASE_SEND_BUFFERED;
    if (is_buffered) {
        int rc = mca_pml_base_bsend_request_start(request);
        if (rc != OMPI_SUCCESS)
            return rc;
    }
    head_fill(send, &env, P2PREP_ENVELOPE);
    env.send_id = send->id = p2prep_id_give(send, P2PREP_ID_SEND, send->peer);
    env.address = (uint64_t)(uintptr_t)bytes_in_place(send);
    int rc = p2prep_peer_put(send->peer, &env, sizeof env, NULL, 0, NULL);
    if (rc == OMPI_SUCCESS && is_buffered)
        p2prep_request_done(request);
    return rc;
}

static int send_begin(mca_pml_p2prep_send_request_t *send)
{
    mca_pml_base_request_t *base = &send->req_send.req_base;
    ompi_status_public_t *status = &base->req_ompi.req_status;
    base->req_pml_complete = false;
    base->req_ompi.req_complete = REQUEST_PENDING;
    base->req_ompi.req_state = OMPI_REQUEST_ACTIVE;
    status->_cancelled = 0;
    status->MPI_SOURCE = base->req_comm->c_my_rank;
    status->MPI_TAG = base->req_tag;
    status->MPI_ERROR = OMPI_SUCCESS;
    status->_ucount = send->req_send.req_bytes_packed;
    if (!send->peer)
        return OMPI_ERR_UNREACH;
    p2prep_count_sent(send->req_send.req_bytes_packed);
    bool is_self = send->peer == mca_pml_p2prep.self;
    if (!is_self && mca_pml_p2prep.world)
        return p2prep_replica_send(send);
    if (!is_self && send->req_send.req_bytes_packed > send->peer->eager)
        return send_large(send);
    const void *bytes = p2prep_send_bytes(send);
    if (!bytes && send->req_send.req_bytes_packed > 0)
        return OMPI_ERR_OUT_OF_RESOURCE;
    return is_self ? send_to_self(send, bytes) : send_small(send, bytes);
}

static mca_pml_p2prep_send_request_t *
send_create(const void *buf, size_t count, ompi_datatype_t *type, int dest, int tag,
            mca_pml_base_send_mode_t mode, struct ompi_communicator_t *comm, bool is_persistent)
{
    mca_pml_p2prep_send_request_t *send =
        (mca_pml_p2prep_send_request_t *)opal_free_list_get(&mca_pml_base_send_requests);
    if (!send)
        return NULL;
    send->peer = p2prep_comm_peer((struct p2prep_comm *)comm->c_pml_comm, dest);
    send->req_send.req_base.req_proc = send->peer ? send->peer->proc : ompi_proc_local();
    MCA_PML_BASE_SEND_REQUEST_INIT(&send->req_send, buf, count, type, dest, tag, comm, mode,
                                   is_persistent, 0);
    p2prep_count_live(comm, tag, 1);
    send->is_nonblocking = false;
    return send;
}

int mca_pml_p2prep_isend_init(const void *buf, size_t count, ompi_datatype_t *type, int dest,
                              int tag, mca_pml_base_send_mode_t mode,
                              struct ompi_communicator_t *comm, struct ompi_request_t **request)
{
    mca_pml_p2prep_send_request_t *send =
        send_create(buf, count, type, dest, tag, mode, comm, true);
    if (!send)
        return OMPI_ERR_TEMP_OUT_OF_RESOURCE;
    send->req_send.req_base.req_pml_complete = true;
    send->is_nonblocking = true;
    *request = (struct ompi_request_t *)send;
    return OMPI_SUCCESS;
}

/* Starts a new send; on failure it is gone. */
static int send_post(mca_pml_p2prep_send_request_t *send)
{
    p2prep_lock();
    int rc = send_begin(send);
    if (rc != OMPI_SUCCESS)
        send_return(send);
    p2prep_unlock();
    return rc;
}

/* Small, in a row, nobody to be told of the match: no request, head on the stack. */
static inline bool send_at_once(struct p2prep_peer *peer, const void *buf, size_t count,
                                ompi_datatype_t *type, int tag, mca_pml_base_send_mode_t mode,
                                struct ompi_communicator_t *comm)
{
    if (mode == MCA_PML_BASE_SEND_SYNCHRONOUS || mode == MCA_PML_BASE_SEND_BUFFERED)
        return false;
    size_t size = type->super.size * count;
    if (!peer || size > peer->eager || !p2prep_is_contiguous(type, count))
        return false;
    struct p2prep_head head = {
        .kind = P2PREP_EAGER, .context = p2prep_name(comm), .source = comm->c_my_rank, .tag = tag};
    const void *bytes = p2prep_first_byte(buf, type);
    p2prep_lock();
    bool is_sent = OPAL_UNLIKELY(mca_pml_p2prep.world != NULL)
                       ? peer != mca_pml_p2prep.self &&
                             p2prep_replica_send_at_once(peer, bytes, size, tag, p2prep_name(comm))
                       : p2prep_peer_try(peer, &head, sizeof head, bytes, size) == 0;
    if (OPAL_LIKELY(is_sent))
        p2prep_count_sent(size);
    p2prep_count_live(comm, tag, 0);
    p2prep_unlock();
    return is_sent;
}

int mca_pml_p2prep_isend(const void *buf, size_t count, ompi_datatype_t *type, int dest, int tag,
                         mca_pml_base_send_mode_t mode, struct ompi_communicator_t *comm,
                         struct ompi_request_t **request)
{
    struct p2prep_peer *peer = p2prep_comm_peer((struct p2prep_comm *)comm->c_pml_comm, dest);
    if (OPAL_LIKELY(send_at_once(peer, buf, count, type, tag, mode, comm))) {
        *request = &ompi_request_empty; /* of a send's status only "cancelled" is defined */
        return OMPI_SUCCESS;
    }
    mca_pml_p2prep_send_request_t *send =
        send_create(buf, count, type, dest, tag, mode, comm, false);
    if (!send)
        return OMPI_ERR_TEMP_OUT_OF_RESOURCE;
    send->is_nonblocking = true;
    int rc = send_post(send);
    if (rc == OMPI_SUCCESS)
        *request = (struct ompi_request_t *)send;
    return rc;
}

int mca_pml_p2prep_send(const void *buf, size_t count, ompi_datatype_t *type, int dest, int tag,
                        mca_pml_base_send_mode_t mode, struct ompi_communicator_t *comm)
{
    struct p2prep_peer *peer = p2prep_comm_peer((struct p2prep_comm *)comm->c_pml_comm, dest);
    if (OPAL_LIKELY(send_at_once(peer, buf, count, type, tag, mode, comm)))
        return OMPI_SUCCESS;
    mca_pml_p2prep_send_request_t *send =
        send_create(buf, count, type, dest, tag, mode, comm, false);
    if (!send)
        return OMPI_ERR_TEMP_OUT_OF_RESOURCE;
    int rc = send_post(send);
    if (rc != OMPI_SUCCESS)
        return rc;
    ompi_request_t *request = (ompi_request_t *)send;
    ompi_request_wait_completion(request);
    rc = request->req_status.MPI_ERROR;
    ompi_request_free(&request);
    return rc;
}

/* A buffered persistent send may still be under way when it is started anew: then another one takes
 * its place. */
static int send_restart(mca_pml_p2prep_send_request_t *send, struct ompi_request_t **request)
{
    mca_pml_base_request_t *base = &send->req_send.req_base;
    if (!base->req_pml_complete) {
        mca_pml_p2prep_send_request_t *other =
            send_create(base->req_addr, base->req_count, base->req_datatype, base->req_peer,
                        base->req_tag, send->req_send.req_send_mode, base->req_comm, true);
        if (!other)
            return OMPI_ERR_TEMP_OUT_OF_RESOURCE;
        other->req_send.req_base.req_ompi.req_complete_cb = base->req_ompi.req_complete_cb;
        other->req_send.req_base.req_ompi.req_complete_cb_data =
            base->req_ompi.req_complete_cb_data;
        base->req_free_called = true;
        other->is_nonblocking = true;
        *request = (struct ompi_request_t *)other;
        send = other;
    } else if (send->req_send.req_send_mode == MCA_PML_BASE_SEND_BUFFERED && base->req_count > 0) {
        opal_convertor_prepare_for_send(&base->req_convertor, &base->req_datatype->super,
                                        base->req_count, base->req_addr);
    }
    return send_begin(send);
}

int mca_pml_p2prep_start(size_t count, struct ompi_request_t **requests)
{
    for (size_t i = 0; i < count; i++) {
        mca_pml_base_request_t *base = (mca_pml_base_request_t *)requests[i];
        if (!base || requests[i]->req_type != OMPI_REQUEST_PML)
            continue;
        if (base->req_type == MCA_PML_REQUEST_SEND) {
            p2prep_lock();
            int rc = send_restart((mca_pml_p2prep_send_request_t *)base, &requests[i]);
            p2prep_unlock();
            if (rc != OMPI_SUCCESS)
                return rc;
        } else if (base->req_type == MCA_PML_REQUEST_RECV) {
            p2prep_recv_start((mca_pml_p2prep_recv_request_t *)base);
        } else {
            return OMPI_ERR_REQUEST;
        }
    }
    return OMPI_SUCCESS;
}

void p2prep_send_cleared(const struct p2prep_peer *peer, const struct p2prep_clear_head *head)
{
    mca_pml_p2prep_send_request_t *send = p2prep_id_claim(head->send_id, P2PREP_ID_SEND, peer);
    if (!send || head->wanted == 0 || head->wanted > send->req_send.req_bytes_packed)
        return;
    send->recv_id = head->recv_id;
    send->wanted = head->wanted;
    if (!p2prep_send_bytes(send))
        p2prep_no_memory(send->req_send.req_bytes_packed);
    p2prep_peer_put_body(send->peer, send);
}

void p2prep_send_finished(const struct p2prep_peer *peer, const struct p2prep_finished_head *head)
{
    mca_pml_p2prep_send_request_t *send = p2prep_id_claim(head->send_id, P2PREP_ID_SEND, peer);
    if (send)
        p2prep_send_complete(send);
}
