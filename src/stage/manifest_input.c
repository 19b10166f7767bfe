/* SPDX-License-Identifier: BSD-3-Clause */
/* manifest_input.c - a job's input files: named, in directories, in list files */
#include "config.h"
#include "stage/manifest.h"

#include "base/file.h"
#include "base/mem.h"
#include "stage/manifest_inner.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_FILE_MAX (16u << 20)

struct visit { /* directories being listed, innermost first: a link to one of them would never end
                */
    const struct visit *outer;
    dev_t device;
    ino_t number;
};

static int add_path(struct manifest *manifest, const char *path, const char *origin,
                    const struct visit *outer, struct err *err);

static int no_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int add_dir(struct manifest *manifest, const char *path, const char *origin,
                   const struct stat *st, const struct visit *outer, struct err *err)
{
    struct visit visit = {outer, st->st_dev, st->st_ino};
    struct dirent **entries;
    int result = 0;

    for (; outer != NULL; outer = outer->outer)
        if (outer->device == st->st_dev && outer->number == st->st_ino) {
            errno = ELOOP;
            return err_set(err, "%s is a link to a directory that holds it", origin);
        }
    int count = scandir(origin, &entries, no_dots, alphasort);
    if (count < 0)
        return err_sys(err, "cannot read the directory %s", origin);
    for (int i = 0; i < count; i++) {
        char *inner = path[0] == '\0' ? mem_string(entries[i]->d_name)
                                      : mem_format("%s/%s", path, entries[i]->d_name);
        char *inner_origin = mem_format("%s/%s", origin, entries[i]->d_name);
        if (result == 0)
            result = add_path(manifest, inner, inner_origin, &visit, err);
        free(inner);
        free(inner_origin);
        free(entries[i]);
    }
    free(entries);
    return result;
}

/* path: where it goes below work/; "" is work/ itself. */
static int add_path(struct manifest *manifest, const char *path, const char *origin,
                    const struct visit *outer, struct err *err)
{
    struct stat st;
    Wire__File *file;

    if (stat(origin, &st) < 0)
        return err_sys(err, "cannot read %s", origin);
    if (S_ISDIR(st.st_mode)) {
        if (path[0] != '\0' && manifest_add_file(manifest, WIRE__FILE_KIND__FILE_DIR, path, origin,
                                                 &st, &file, err) < 0)
            return -1;
        return add_dir(manifest, path, origin, &st, outer, err);
    }
    errno = EINVAL;
    if (!S_ISREG(st.st_mode))
        return err_set(err, "cannot send %s: it is neither a file nor a directory", origin);
    if (access(origin, R_OK) < 0)
        return err_sys(err, "cannot read %s", origin);
    return manifest_add_file(manifest, WIRE__FILE_KIND__FILE_INPUT, path, origin, &st, &file, err);
}

/* The directories above path become entries of their own: a file of the same name is then seen as a
 * conflict. */
static int add_parents(struct manifest *manifest, const char *path, struct err *err)
{
    struct stat st;
    Wire__File *file;
    char *copy = mem_string(path);
    int result = 0;

    for (char *slash = strchr(copy, '/'); slash != NULL && result == 0;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        char *origin = mem_format("%s/%s", manifest->real_cwd, copy);
        if (stat(origin, &st) < 0)
            result = err_sys(err, "cannot read %s", origin);
        else
            result = manifest_add_file(manifest, WIRE__FILE_KIND__FILE_DIR, copy, origin, &st,
                                       &file, err);
        free(origin);
        *slash = '/';
    }
    free(copy);
    return result;
}

/* The directory part with links resolved, the last part as named: the name that the user gave is
 * kept. */
static char *resolve(const struct manifest *manifest, const char *path)
{
    char *full = path[0] == '/' ? mem_string(path) : mem_format("%s/%s", manifest->cwd, path);

    for (size_t length = strlen(full); length > 1 && full[length - 1] == '/'; length--)
        full[length - 1] = '\0';
    char *name = strrchr(full, '/') + 1;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || name[0] == '\0') {
        char *real = realpath(full, NULL);
        free(full);
        return real;
    }
    name[-1] = '\0';
    char *dir = realpath(full[0] == '\0' ? "/" : full, NULL);
    char *resolved =
        dir == NULL ? NULL : mem_format("%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name);
    free(dir);
    free(full);
    return resolved;
}

int manifest_add_input(struct manifest *manifest, const char *path, struct err *err)
{
    errno = ENOENT;
    if (path[0] == '\0')
        return err_set(err, "the name of a file to send is empty");
    char *origin = resolve(manifest, path);
    if (origin == NULL)
        return err_sys(err, "cannot read %s", path);
    size_t length = strlen(manifest->real_cwd);
    const char *below = strrchr(origin, '/') + 1;
    bool is_below = strncmp(origin, manifest->real_cwd, length) == 0 &&
                    (origin[length] == '/' || origin[length] == '\0');
    if (is_below)
        below = origin[length] == '/' ? origin + length + 1 : "";
    int result = is_below ? add_parents(manifest, below, err) : 0;
    if (result == 0)
        result = add_path(manifest, below, origin, NULL, err);
    free(origin);
    return result;
}

int manifest_add_inputs(struct manifest *manifest, const char *names, struct err *err)
{
    char *copy = mem_string(names), *save = NULL;
    int result = 0;

    for (char *name = strtok_r(copy, ",", &save); name != NULL && result == 0;
         name = strtok_r(NULL, ",", &save))
        result = manifest_add_input(manifest, name, err);
    free(copy);
    return result;
}

/* Cuts comment, blanks and the word "cache" off. */
static char *list_entry(char *line)
{
    for (char *mark = strchr(line, '#'); mark != NULL; mark = strchr(mark + 1, '#'))
        if (mark == line || isspace((unsigned char)mark[-1])) {
            *mark = '\0';
            break;
        }
    line += strspn(line, " \t");
    size_t length = strlen(line);
    while (length > 0 && isspace((unsigned char)line[length - 1]))
        line[--length] = '\0';
    if (length > 6 && strcmp(line + length - 5, "cache") == 0 &&
        isspace((unsigned char)line[length - 6])) {
        length -= 6;
        while (length > 0 && isspace((unsigned char)line[length - 1]))
            length--;
        line[length] = '\0';
    }
    return line;
}

static int add_list_line(struct manifest *manifest, char *line, struct err *err)
{
    char *entry = list_entry(line);

    if (entry[0] == '\0')
        return 0;
    errno = EINVAL;
    if (strncmp(entry, "http://", 7) == 0 || strncmp(entry, "https://", 8) == 0 ||
        strncmp(entry, "ftp://", 6) == 0)
        return err_set(
            err, "%s is an address, which is not supported here: download it and name the file",
            entry);
    return manifest_add_input(manifest, entry, err);
}

int manifest_add_list(struct manifest *manifest, const char *list_file, struct err *err)
{
    size_t size;
    unsigned number = 0;
    int result = 0;
    char *path =
        list_file[0] == '/' ? mem_string(list_file) : mem_format("%s/%s", manifest->cwd, list_file);
    char *text = file_read(path, LIST_FILE_MAX, &size, err);

    free(path);
    if (text == NULL)
        return -1;
    for (char *line = text; line != NULL && result == 0;) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end++ = '\0';
        number++;
        result = add_list_line(manifest, line, err);
        line = end;
    }
    if (result < 0)
        err_prefix(err, "%s:%u", list_file, number);
    free(text);
    return result;
}
