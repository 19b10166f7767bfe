/* SPDX-License-Identifier: BSD-3-Clause */
/* sandbox.c - what a job sees of a host that is not its owner's: bubblewrap's arguments */
#include "config.h"
#include "peer/sandbox.h"

#include "base/installed.h"
#include "base/mem.h"
#include "base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void add(const char *argv[], size_t *count, const char *const *args)
{
    while (*args != NULL)
        argv[(*count)++] = *args++;
}

size_t sandbox_argv(const char *argv[], const char *bwrap, const char *program,
                    const char *component, const char *dir)
{
    /* clang-format off */
    const char *const before[] = {
        bwrap, "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts",
        "--unshare-cgroup-try", "--cap-drop", "ALL",
        "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin",
        "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
        "--ro-bind", "/etc", "/etc", NULL};
    const char *const behind[] = {
        "--ro-bind-try", "/sys/devices/system", "/sys/devices/system",
        "--ro-bind-try", "/sys/class/net", "/sys/class/net",
        "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run",
        "--ro-bind", program, "/p2pmpi-stepd",
        "--bind", dir, SANDBOX_DIR, "--chdir", SANDBOX_DIR, NULL};
    /* clang-format on */
    size_t count = 0;

    add(argv, &count, before);
    for (const char *const *place = installed_dirs; *place != NULL; place++)
        add(argv, &count, (const char *const[]){"--ro-bind-try", *place, *place, NULL});
    add(argv, &count, behind);
    if (component != NULL)
        add(argv, &count, (const char *const[]){"--ro-bind", component, PROGRAM_COMPONENT, NULL});
#ifdef __SANITIZE_ADDRESS__ /* reports must find their way out: test/lib/sanitizer.sh */
    const char *reports = getenv("P2PMPI_SANITIZER_DIR");
    if (reports != NULL)
        add(argv, &count, (const char *const[]){"--bind-try", reports, reports, NULL});
#endif
    argv[count++] = "/p2pmpi-stepd";
    return count;
}

static char *bwrap_path(void)
{
    static const char *const places[] = {"/usr/bin/bwrap", "/usr/local/bin/bwrap"};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (access(places[i], X_OK) == 0)
            return mem_string(places[i]);
    return NULL;
}

/* Starts p2pmpi-stepd --version in one: what works once works for jobs. */
static int try_out(const char *bwrap, struct err *err)
{
    extern char **environ;
    const char *argv[SANDBOX_ARGS_MAX];
    posix_spawn_file_actions_t files;
    pid_t pid;
    int status = 0;
    char *program = program_find("p2pmpi-stepd", err);

    if (program == NULL)
        return -1;
    size_t count = sandbox_argv(argv, bwrap, program, NULL, "/");
    argv[count++] = "--version";
    argv[count] = NULL;
    posix_spawn_file_actions_init(&files);
    for (int fd = 0; fd < 3; fd++)
        posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
    int failed = posix_spawn(&pid, bwrap, &files, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    free(program);
    if (failed == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    if (failed != 0 || status != 0)
        return err_set(err, "bubblewrap does not work here (no user namespaces?)");
    return 0;
}

char *sandbox_find(const char *mode, struct err *err)
{
    err->text[0] = '\0';
    if (strcmp(mode, "none") == 0)
        return NULL;
    char *bwrap = bwrap_path();
    if (bwrap == NULL) {
        err_set(err, "bubblewrap is not installed (Debian: apt-get install bubblewrap)");
    } else if (try_out(bwrap, err) < 0) {
        free(bwrap);
        bwrap = NULL;
    }
    return bwrap;
}
