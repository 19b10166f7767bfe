/* SPDX-License-Identifier: BSD-3-Clause */
/* p2prep-refused.c - calls what replicas do not support, and goes on: one line for each call of
 * rank 0 that answered MPI_ERR_UNSUPPORTED_OPERATION */
#include "p2prep-result.h"

static void said(const char *name, int code)
{
    int class = MPI_SUCCESS;
    if (code != MPI_SUCCESS)
        MPI_Error_class(code, &class);
    if (rank == 0)
        printf("%s %s\n", name, class == MPI_ERR_UNSUPPORTED_OPERATION ? "refused" : "not refused");
}

#define TRY(name, arguments) said(#name, name arguments)

static void windows(void)
{
    static int here[4];
    MPI_Win win;
    void *base;
    TRY(MPI_Win_create, (here, sizeof here, 4, MPI_INFO_NULL, MPI_COMM_WORLD, &win));
    TRY(MPI_Win_allocate, (64, 4, MPI_INFO_NULL, MPI_COMM_WORLD, &base, &win));
    TRY(MPI_Win_allocate_shared, (64, 4, MPI_INFO_NULL, MPI_COMM_SELF, &base, &win));
    TRY(MPI_Win_create_dynamic, (MPI_INFO_NULL, MPI_COMM_WORLD, &win));
}

static void others(void)
{
    char *command[1] = {(char *)"true"}, port[MPI_MAX_PORT_NAME] = "none";
    int one[1] = {1};
    MPI_Info info[1] = {MPI_INFO_NULL};
    MPI_Comm comm;
    TRY(MPI_Comm_spawn,
        ("true", MPI_ARGV_NULL, 1, MPI_INFO_NULL, 0, MPI_COMM_WORLD, &comm, MPI_ERRCODES_IGNORE));
    TRY(MPI_Comm_spawn_multiple,
        (1, command, MPI_ARGVS_NULL, one, info, 0, MPI_COMM_WORLD, &comm, MPI_ERRCODES_IGNORE));
    TRY(MPI_Open_port, (MPI_INFO_NULL, port));
    TRY(MPI_Publish_name, ("p2prep-refused", MPI_INFO_NULL, port));
    TRY(MPI_Lookup_name, ("p2prep-refused", MPI_INFO_NULL, port));
    TRY(MPI_Comm_accept, (port, MPI_INFO_NULL, 0, MPI_COMM_WORLD, &comm));
    TRY(MPI_Comm_connect, (port, MPI_INFO_NULL, 0, MPI_COMM_WORLD, &comm));
    TRY(MPI_Comm_join, (0, &comm));
#if MPI_VERSION >= 4
    MPI_Request request;
    MPI_Session session;
    TRY(MPI_Psend_init, (one, 1, 1, MPI_INT, 0, 0, MPI_COMM_SELF, MPI_INFO_NULL, &request));
    TRY(MPI_Precv_init, (one, 1, 1, MPI_INT, 0, 0, MPI_COMM_SELF, MPI_INFO_NULL, &request));
    TRY(MPI_Session_init, (MPI_INFO_NULL, MPI_ERRORS_RETURN, &session));
#endif
}

static void shared_pointers(void)
{
    MPI_File file;
    MPI_Request request;
    MPI_Offset offset;
    MPI_Status *none = MPI_STATUS_IGNORE;
    int value = 1;
    MPI_File_open(MPI_COMM_SELF, rank ? "/dev/zero" : "/dev/null", MPI_MODE_RDWR, MPI_INFO_NULL,
                  &file);
    TRY(MPI_File_write_shared, (file, &value, 1, MPI_INT, none));
    TRY(MPI_File_read_shared, (file, &value, 1, MPI_INT, none));
    TRY(MPI_File_iwrite_shared, (file, &value, 1, MPI_INT, &request));
    TRY(MPI_File_iread_shared, (file, &value, 1, MPI_INT, &request));
    TRY(MPI_File_write_ordered, (file, &value, 1, MPI_INT, none));
    TRY(MPI_File_read_ordered, (file, &value, 1, MPI_INT, none));
    TRY(MPI_File_write_ordered_begin, (file, &value, 1, MPI_INT));
    TRY(MPI_File_read_ordered_begin, (file, &value, 1, MPI_INT));
    TRY(MPI_File_seek_shared, (file, 0, MPI_SEEK_SET));
    TRY(MPI_File_get_position_shared, (file, &offset));
    MPI_File_close(&file);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    windows();
    others();
    shared_pointers();
    return end();
}
