/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_module.c - the PML's table of functions, its beginning */
#include "mca-component/pml_p2prep/pml_p2prep.h"
#include "mca-component/pml_p2prep/pml_p2prep_alike.h"
#include "mca-component/pml_p2prep/pml_p2prep_files.h"
#include "mca-component/pml_p2prep/pml_p2prep_idup.h"
#include "mca-component/pml_p2prep/pml_p2prep_refuse.h"
#include "mca-component/pml_p2prep/pml_p2prep_replica.h"
#include "mca-component/pml_p2prep/pml_p2prep_end.h"
#include "mca-component/pml_p2prep/pml_p2prep_watch.h"
#include "mca-component/pml_p2prep/pml_p2prep_world.h"

static int module_enable(bool enable)
{
    mca_pml_p2prep_t *pml = &mca_pml_p2prep;
    pthread_mutexattr_t attr;
    if (!enable)
        return OMPI_SUCCESS;
    pml->main_thread = pthread_self();
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&pml->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    TAILQ_INIT(&pml->busy);
    TAILQ_INIT(&pml->strangers);
    int rc = opal_free_list_init(&mca_pml_base_send_requests, sizeof(mca_pml_p2prep_send_request_t),
                                 opal_cache_line_size, OBJ_CLASS(mca_pml_p2prep_send_request_t), 0,
                                 opal_cache_line_size, 16, -1, 64, NULL, 0, NULL, NULL, NULL);
    if (rc != OPAL_SUCCESS)
        return rc;
    rc = opal_free_list_init(&mca_pml_base_recv_requests, sizeof(mca_pml_p2prep_recv_request_t),
                             opal_cache_line_size, OBJ_CLASS(mca_pml_p2prep_recv_request_t), 0,
                             opal_cache_line_size, 16, -1, 64, NULL, 0, NULL, NULL, NULL);
    return rc == OPAL_SUCCESS ? p2prep_world_open() : rc;
}

static int replicas_begin(void)
{
    int rc = p2prep_replica_open();
    if (rc != OMPI_SUCCESS)
        return rc;
    p2prep_watch_connect();
    rc = p2prep_peers_check();
    if (rc != OMPI_SUCCESS)
        return rc;
    p2prep_replica_start();
    p2prep_alike_compare();
    p2prep_end_register();
    p2prep_refuse_open();
    p2prep_idup_open();
    p2prep_files_open();
    return OMPI_SUCCESS;
}

static int module_add_procs(struct ompi_proc_t **procs, size_t n)
{
    if (!mca_pml_p2prep.peers) {
        int rc = p2prep_peers_open();
        if (rc == OMPI_SUCCESS && mca_pml_p2prep.world)
            rc = replicas_begin();
        mca_pml_p2prep.is_enabled = rc == OMPI_SUCCESS;
        return rc;
    }
    p2prep_lock();
    for (size_t i = 0; i < n; i++)
        (void)p2prep_peer_of(procs[i]);
    p2prep_unlock();
    return OMPI_SUCCESS;
}

static int module_del_procs(struct ompi_proc_t **procs, size_t n)
{
    (void)procs;
    (void)n;
    return OMPI_SUCCESS;
}

mca_pml_p2prep_t mca_pml_p2prep = {
    .super =
        {
            .pml_add_procs = module_add_procs,
            .pml_del_procs = module_del_procs,
            .pml_enable = module_enable,
            .pml_progress = mca_pml_p2prep_progress,
            .pml_add_comm = mca_pml_p2prep_add_comm,
            .pml_del_comm = mca_pml_p2prep_del_comm,
            .pml_irecv_init = mca_pml_p2prep_irecv_init,
            .pml_irecv = mca_pml_p2prep_irecv,
            .pml_recv = mca_pml_p2prep_recv,
            .pml_isend_init = mca_pml_p2prep_isend_init,
            .pml_isend = mca_pml_p2prep_isend,
            .pml_send = mca_pml_p2prep_send,
            .pml_iprobe = mca_pml_p2prep_iprobe,
            .pml_probe = mca_pml_p2prep_probe,
            .pml_start = mca_pml_p2prep_start,
            .pml_improbe = mca_pml_p2prep_improbe,
            .pml_mprobe = mca_pml_p2prep_mprobe,
            .pml_imrecv = mca_pml_p2prep_imrecv,
            .pml_mrecv = mca_pml_p2prep_mrecv,
            .pml_dump = mca_pml_p2prep_dump,
            .pml_max_contextid = UINT16_MAX,
            .pml_max_tag = INT_MAX,
            .pml_flags = MCA_PML_BASE_FLAG_REQUIRE_WORLD,
        },
};
