/* SPDX-License-Identifier: BSD-3-Clause */
/* dirs.c - where P2P-MPI keeps its files (XDG Base Directory Specification 0.8) */
#include "config.h"
#include "base/dirs.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char *xdg(const char *variable, const char *home, const char *fallback)
{
    const char *value = getenv(variable);

    if (value != NULL && value[0] == '/')
        return mem_format("%s/p2pmpi", value);
    return mem_format("%s/%s/p2pmpi", home, fallback);
}

/* /tmp is everybody's: what is there must be ours and closed to others. */
static int check_owner(const char *path, struct err *err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return err_sys(err, "cannot look at %s", path);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid()) {
        errno = EPERM;
        return err_set(err, "%s is not a directory of yours; remove it or set P2PMPI_DIR", path);
    }
    if ((st.st_mode & 077) != 0 && chmod(path, 0700) < 0)
        return err_sys(err, "cannot close %s to others", path);
    return 0;
}

/* As the shell's "~": what the user says, else what the system knows of him. */
static const char *home_directory(void)
{
    const char *home = getenv("HOME");
    struct passwd *user = home == NULL ? getpwuid(geteuid()) : NULL;

    return user != NULL ? user->pw_dir : home;
}

static int make_dir(const char *path, struct err *err)
{
    return file_mkdirs(path, 0700, err) < 0 ? -1 : check_owner(path, err);
}

static int check_wish(const char *all, struct err *err)
{
    if (all != NULL && all[0] != '/')
        return err_set(err, "P2PMPI_DIR must be an absolute path, not \"%s\"", all);
    return 0;
}

static char *run_path(const char *all)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (all != NULL)
        return mem_format("%s/run", all);
    if (runtime != NULL && runtime[0] == '/' && access(runtime, W_OK) == 0)
        return mem_format("%s/p2pmpi", runtime);
    return mem_format("/tmp/p2pmpi-%u", (unsigned)geteuid());
}

int dirs_find_run(struct dirs *dirs_out, struct err *err)
{
    struct dirs dirs = {NULL, NULL, NULL, NULL};
    const char *all = getenv("P2PMPI_DIR");

    if (check_wish(all, err) < 0)
        return -1;
    dirs.run = run_path(all);
    if (make_dir(dirs.run, err) < 0) {
        dirs_clear(&dirs);
        return -1;
    }
    *dirs_out = dirs;
    return 0;
}

int dirs_find(struct dirs *dirs_out, struct err *err)
{
    const char *all = getenv("P2PMPI_DIR");
    const char *home = home_directory();
    struct dirs dirs;

    if (all == NULL && (home == NULL || home[0] != '/'))
        return err_set(err, "HOME is not set to a directory; set HOME or P2PMPI_DIR");
    if (dirs_find_run(&dirs, err) < 0)
        return -1;
    if (all != NULL) {
        dirs.config = mem_format("%s/config", all);
        dirs.state = mem_format("%s/state", all);
        dirs.cache = mem_format("%s/cache", all);
    } else {
        dirs.config = xdg("XDG_CONFIG_HOME", home, ".config");
        dirs.state = xdg("XDG_STATE_HOME", home, ".local/state");
        dirs.cache = xdg("XDG_CACHE_HOME", home, ".cache");
    }
    if (make_dir(dirs.config, err) < 0 || make_dir(dirs.state, err) < 0 ||
        make_dir(dirs.cache, err) < 0) {
        dirs_clear(&dirs);
        return -1;
    }
    *dirs_out = dirs;
    return 0;
}

void dirs_clear(struct dirs *dirs)
{
    free(dirs->config);
    free(dirs->state);
    free(dirs->run);
    free(dirs->cache);
    *dirs = (struct dirs){NULL, NULL, NULL, NULL};
}
