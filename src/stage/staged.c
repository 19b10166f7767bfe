/* SPDX-License-Identifier: BSD-3-Clause */
/* staged.c - the list JOBDIR/staged: input files as they were before the ranks started */
#include "config.h"
#include "stage/staged.h"

#include "base/file.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define LIST_MAX_BYTES (64u << 20)
#define LOOK_MAX       96

struct entry {
    const char *look; /* "size time inode", in the text */
    const char *path;
    UT_hash_handle hh;
};

struct staged {
    char *text;
    struct entry *entries;
};

static void look_at(const struct stat *st, char out[LOOK_MAX])
{
    snprintf(out, LOOK_MAX, "%" PRIdMAX " %" PRIdMAX ".%09ld %" PRIuMAX, (intmax_t)st->st_size,
             (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec, (uintmax_t)st->st_ino);
}

void staged_note(FILE *out, const char *path, const struct stat *st)
{
    char look[LOOK_MAX];

    look_at(st, look);
    fprintf(out, "%s %s\n", look, path);
}

/* Cuts the line behind its third word. */
static void add_line(struct staged *staged, char *line)
{
    char *space = line;

    for (int i = 0; i < 3; i++) {
        space = strchr(space + (i > 0), ' ');
        if (space == NULL)
            return;
    }
    *space = '\0';
    struct entry *entry = mem_alloc(sizeof *entry);
    entry->look = line;
    entry->path = space + 1;
    HASH_ADD_KEYPTR(hh, staged->entries, entry->path, strlen(entry->path), entry);
}

struct staged *staged_read(const char *list)
{
    struct staged *staged = mem_alloc(sizeof *staged);
    char *save = NULL;

    staged->text = file_read(list, LIST_MAX_BYTES, NULL, NULL);
    if (staged->text == NULL)
        return staged;
    for (char *line = strtok_r(staged->text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save))
        add_line(staged, line);
    return staged;
}

bool staged_is_same(const struct staged *staged, const char *path, const struct stat *st)
{
    char look[LOOK_MAX];
    struct entry *entry;

    HASH_FIND_STR(staged->entries, path, entry);
    look_at(st, look);
    return entry != NULL && strcmp(entry->look, look) == 0;
}

void staged_destroy(struct staged *staged)
{
    struct entry *entry, *next;

    if (staged == NULL)
        return;
    HASH_ITER(hh, staged->entries, entry, next)
    {
        HASH_DEL(staged->entries, entry);
        free(entry);
    }
    free(staged->text);
    free(staged);
}
