/* SPDX-License-Identifier: BSD-3-Clause */
/* layout.c - the directory of a job before its ranks start: bin/, lib/, work/ and the list "staged"
 */
#include "config.h"
#include "stage/layout.h"

#include "base/file.h"
#include "base/mem.h"
#include "stage/below.h"
#include "stage/staged.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct layout {
    struct store *store; /* borrowed */
    char *dir;
    int work_fd, bin_fd, lib_fd;
    struct store_copy *copy;
    FILE *staged; /* list of what was laid out in work/, for fetchout */
    char *staged_text;
    size_t staged_size;
    char *program;
    bool has_libraries;
};

static int open_folder(const struct layout *layout, const char *name, int *fd_out, struct err *err)
{
    char *path = mem_format("%s/%s", layout->dir, name);
    int result = 0;

    if (file_remove_tree(path, err) < 0)
        result = -1;
    else if (mkdir(path, 0700) < 0 ||
             (*fd_out = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
        result = err_sys(err, "cannot make the directory %s", path);
    free(path);
    return result;
}

struct layout *layout_begin(struct store *store, const char *dir, struct err *err)
{
    struct layout *layout = mem_alloc(sizeof *layout);

    layout->store = store;
    layout->dir = mem_string(dir);
    layout->work_fd = layout->bin_fd = layout->lib_fd = -1;
    layout->staged = open_memstream(&layout->staged_text, &layout->staged_size);
    if (layout->staged == NULL)
        err_set(err, "out of memory");
    else if (open_folder(layout, "work", &layout->work_fd, err) == 0 &&
             open_folder(layout, "bin", &layout->bin_fd, err) == 0 &&
             open_folder(layout, "lib", &layout->lib_fd, err) == 0)
        return layout;
    layout_destroy(layout);
    return NULL;
}

static void close_dir(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* What is only of use while files are laid out: the layout itself may be kept as long as the job.
 */
static void close_all(struct layout *layout)
{
    store_copy_end(layout->copy);
    layout->copy = NULL;
    if (layout->staged != NULL)
        fclose(layout->staged);
    layout->staged = NULL;
    free(layout->staged_text);
    layout->staged_text = NULL;
    close_dir(&layout->work_fd);
    close_dir(&layout->bin_fd);
    close_dir(&layout->lib_fd);
}

void layout_destroy(struct layout *layout)
{
    if (layout == NULL)
        return;
    close_all(layout);
    free(layout->program);
    free(layout->dir);
    free(layout);
}

const char *layout_program(const struct layout *layout)
{
    return layout->program;
}

bool layout_has_libraries(const struct layout *layout)
{
    return layout->has_libraries;
}

static int folder_fd(const struct layout *layout, const Wire__File *file)
{
    return file->kind == WIRE__FILE_KIND__FILE_PROGRAM   ? layout->bin_fd
           : file->kind == WIRE__FILE_KIND__FILE_LIBRARY ? layout->lib_fd
                                                         : layout->work_fd;
}

/* Inputs may be changed by ranks, which get copies; programs and libraries are only read. */
static mode_t laid_mode(const Wire__File *file)
{
    return file->kind == WIRE__FILE_KIND__FILE_INPUT ? (file->mode & 0777) | 0600 : 0500;
}

static void note_staged(struct layout *layout, const Wire__File *file)
{
    struct stat st;

    if (file->kind != WIRE__FILE_KIND__FILE_INPUT ||
        fstatat(layout->work_fd, file->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    staged_note(layout->staged, file->path, &st);
}

static void note_done(struct layout *layout, const Wire__File *file, enum layout_source source)
{
    note_staged(layout, file);
    if (file->kind == WIRE__FILE_KIND__FILE_LIBRARY && source != LAYOUT_HOST)
        layout->has_libraries = true;
    if (file->kind == WIRE__FILE_KIND__FILE_PROGRAM)
        layout->program = source == LAYOUT_PLACE ? mem_string(file->origin)
                                                 : mem_format("%s/bin/%s", layout->dir, file->path);
}

static int lay_empty(const struct layout *layout, const Wire__File *file, struct err *err)
{
    if (file->kind == WIRE__FILE_KIND__FILE_DIR) {
        if (below_mkdirs(layout->work_fd, file->path, 0755) < 0)
            return err_sys(err, "cannot make the directory %s in the job's directory", file->path);
        return 0;
    }
    int fd = below_create(folder_fd(layout, file), file->path, laid_mode(file));
    if (fd < 0)
        return err_sys(err, "cannot make %s in the job's directory", file->path);
    close(fd);
    return 0;
}

/* Starts a file: 0: it is done, 1: a copy is at work, -1 with a sentence. */
static int lay(struct layout *layout, const Wire__File *file, enum layout_source source,
               struct err *err)
{
    switch (source) {
    case LAYOUT_HOST:
        return 0;
    case LAYOUT_NOTHING:
        return lay_empty(layout, file, err);
    case LAYOUT_PLACE: /* a library need not lie where the loader looks */
        if (file->kind == WIRE__FILE_KIND__FILE_LIBRARY &&
            symlinkat(file->origin, layout->lib_fd, file->path) < 0)
            return err_sys(err, "cannot make %s in the job's directory", file->path);
        return 0;
    default:
        layout->copy = store_copy_begin(layout->store, file->hash.data, folder_fd(layout, file),
                                        file->path, laid_mode(file), err);
        return layout->copy != NULL ? 1 : -1;
    }
}

int layout_file(struct layout *layout, const Wire__File *file, enum layout_source source,
                size_t budget, struct err *err)
{
    int more = layout->copy == NULL ? lay(layout, file, source, err) : 1;

    if (more > 0) {
        more = store_copy_step(layout->copy, budget, err);
        if (more <= 0) {
            store_copy_end(layout->copy);
            layout->copy = NULL;
        }
    }
    if (more == 0)
        note_done(layout, file, source);
    return more;
}

int layout_end(struct layout *layout, struct err *err)
{
    char *path = mem_format("%s/staged", layout->dir);
    int failed = fflush(layout->staged);

    int result = failed != 0
                     ? err_set(err, "out of memory")
                     : file_write(path, layout->staged_text, layout->staged_size, 0600, err);
    close_all(layout);
    free(path);
    return result;
}
