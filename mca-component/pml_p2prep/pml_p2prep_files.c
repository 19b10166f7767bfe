/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_files.c - with replicas: files that the ranks of a set write together
 *
 * Each set of replicas has its own directory, and so its own copy of a file that several ranks
 * write. When a process of the set dies, the copy lacks what it would have written: messages come
 * from a sibling instead, bytes in the file do not. Messages that say that they are there do come
 * from a sibling, so whoever gets them knows of the death. Hence: who reads from such a file while
 * its set is not whole would read something wrong, and leaves; a set that is whole goes on. Files
 * of one rank, and reading what this job did not write, are nobody else's business. */
#include "mca-component/pml_p2prep/pml_p2prep_files.h"

#include "mca-component/pml_p2prep/pml_p2prep.h"

#include <ompi/errhandler/errhandler.h>
#include <ompi/file/file.h>
#include <ompi/info/info.h>
#include <ompi/mca/io/base/base.h>
#include <ompi/mca/io/io.h>

#include <unistd.h>

static mca_io_base_module_2_0_0_t original; /* of the one component for files that we let open */
static bool has_written;                    /* a file of several ranks was opened for writing */

/* The first rank that our set has no process of any more; -1: none. */
static int rank_missing(void)
{
    const struct world *world = mca_pml_p2prep.world;
    int set = world->set[OMPI_PROC_MY_NAME->vpid];
    for (int rank = 0; rank < world->ranks; rank++) {
        int process = world_process(world, rank, set);
        if (process < 0 || mca_pml_p2prep.peers[process].is_dead ||
            mca_pml_p2prep.peers[process].is_doomed)
            return rank;
    }
    return -1;
}

static void check(const ompi_file_t *file)
{
    const struct world *world = mca_pml_p2prep.world;
    uint32_t me = OMPI_PROC_MY_NAME->vpid;
    int missing = rank_missing();
    if (missing < 0 || !has_written)
        return;
    p2prep_say("file", me, ompi_process_info.nodename, file->f_filename, missing, world->set[me]);
    _exit(1);
}

typedef ompi_file_t file_t;
typedef ompi_datatype_t type_t;
typedef ompi_status_public_t status_t;
typedef ompi_request_t request_t;

/* What depends on what others wrote: X(name, parameters, arguments) */
#define READS(X)                                                                                   \
    X(read, (file_t * f, void *b, int n, type_t *t, status_t *s), (f, b, n, t, s))                 \
    X(read_all, (file_t * f, void *b, int n, type_t *t, status_t *s), (f, b, n, t, s))             \
    X(read_at, (file_t * f, MPI_Offset o, void *b, int n, type_t *t, status_t *s),                 \
      (f, o, b, n, t, s))                                                                          \
    X(read_at_all, (file_t * f, MPI_Offset o, void *b, int n, type_t *t, status_t *s),             \
      (f, o, b, n, t, s))                                                                          \
    X(iread, (file_t * f, void *b, int n, type_t *t, request_t **r), (f, b, n, t, r))              \
    X(iread_all, (file_t * f, void *b, int n, type_t *t, request_t **r), (f, b, n, t, r))          \
    X(iread_at, (file_t * f, MPI_Offset o, void *b, int n, type_t *t, request_t **r),              \
      (f, o, b, n, t, r))                                                                          \
    X(iread_at_all, (file_t * f, MPI_Offset o, void *b, int n, type_t *t, request_t **r),          \
      (f, o, b, n, t, r))                                                                          \
    X(get_size, (file_t * f, MPI_Offset * o), (f, o))                                              \
    X(read_all_begin, (file_t * f, void *b, int n, type_t *t), (f, b, n, t))                       \
    X(read_at_all_begin, (file_t * f, MPI_Offset o, void *b, int n, type_t *t), (f, o, b, n, t))

#define DEFINE(name, parameters, arguments)                                                        \
    static int file_##name parameters                                                              \
    {                                                                                              \
        check(f);                                                                                  \
        return original.io_module_file_##name arguments;                                           \
    }
READS(DEFINE)

static int file_seek(file_t *file, MPI_Offset offset, int whence)
{
    if (whence == MPI_SEEK_END)
        check(file);
    return original.io_module_file_seek(file, offset, whence);
}

static void watch(ompi_file_t *file)
{
    mca_io_base_module_2_0_0_t *module = &file->f_io_selected_module.v2_0_0;
    original = *module;
#define WATCH(name, parameters, arguments) module->io_module_file_##name = file_##name;
    READS(WATCH)
    module->io_module_file_seek = file_seek;
}

static int file_open(MPI_Comm comm, const char *filename, int amode, MPI_Info info, MPI_File *file)
{
    static const char name[] = "MPI_File_open";
    if (ompi_comm_invalid(comm) || OMPI_COMM_IS_INTER(comm))
        return OMPI_ERRHANDLER_INVOKE(MPI_COMM_WORLD, MPI_ERR_COMM, name);
    if (!info || ompi_info_is_freed(info))
        return OMPI_ERRHANDLER_INVOKE(comm, MPI_ERR_INFO, name);
    *file = MPI_FILE_NULL;
    int rc = mca_base_framework_open(&ompi_io_base_framework, 0);
    if (rc == OMPI_SUCCESS)
        rc = ompi_file_open(comm, filename, amode, &info->super, file);
    if (rc == OMPI_SUCCESS && ompi_comm_size(comm) > 1) {
        watch(*file);
        has_written |= (amode & (MPI_MODE_WRONLY | MPI_MODE_RDWR)) != 0;
        if (amode & MPI_MODE_APPEND)
            check(*file);
    }
    OMPI_ERRHANDLER_RETURN(rc, *file, rc, name);
}

void p2prep_files_open(void)
{
    (void)p2prep_patch("MPI_File_open", (uintptr_t)file_open);
}
