/* SPDX-License-Identifier: BSD-3-Clause */
/* libpath.c - where the dynamic loader of this host would find a library (ld.so(8))
 *
 * The layout of ld.so.cache is glibc's own (sysdeps/generic/dl-cache.h, "new" format, in use
 * since 2.2), in the byte order of the host: a head of 48 bytes, entries of 24, strings by their
 * distance from the head. */
#include "config.h"
#include "stage/libpath.h"

#include "base/file.h"
#include "base/mem.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHE_MAGIC "glibc-ld.so.cache1.1"
#define CACHE_HEAD  48
#define CACHE_ENTRY 24
#define CACHE_MAX   (64u << 20)

struct libpath {
    char *root;
    char *library_path;
    char *cache;       /* the whole file; NULL: none */
    const char *table; /* the new format's head in it */
    size_t table_size;
    uint32_t entry_count;
};

struct search { /* one call of libpath_find */
    const struct libpath *libpath;
    const char *soname;
    const char *machine;
    unsigned bits;
    struct elf *elf; /* of what was found */
};

static uint32_t cache_word(const char *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof value);
    return value;
}

static void read_cache(struct libpath *libpath)
{
    char *path = mem_format("%s/etc/ld.so.cache", libpath->root);
    size_t size = 0;

    libpath->cache = file_read(path, CACHE_MAX, &size, NULL);
    free(path);
    if (libpath->cache == NULL)
        return;
    /* Old caches carry the format of libc5 in front. */
    const char *table = memmem(libpath->cache, size, CACHE_MAGIC, strlen(CACHE_MAGIC));
    if (table == NULL)
        return;
    size_t table_size = size - (size_t)(table - libpath->cache);
    if (table_size < CACHE_HEAD || cache_word(table + 20) > (table_size - CACHE_HEAD) / CACHE_ENTRY)
        return;
    libpath->table = table;
    libpath->table_size = table_size;
    libpath->entry_count = cache_word(table + 20);
}

struct libpath *libpath_create(const char *root, const char *library_path)
{
    struct libpath *libpath = mem_alloc(sizeof *libpath);

    libpath->root = mem_string(root);
    libpath->library_path = mem_string(library_path);
    read_cache(libpath);
    return libpath;
}

void libpath_destroy(struct libpath *libpath)
{
    if (libpath == NULL)
        return;
    free(libpath->root);
    free(libpath->library_path);
    free(libpath->cache);
    free(libpath);
}

/* Takes path if it is a library that fits, as the loader passes over those that do not. */
static char *try_path(struct search *search, char *path)
{
    struct elf *elf = elf_read(path, NULL);

    if (elf != NULL && elf->bits == search->bits && strcmp(elf->machine, search->machine) == 0) {
        search->elf = elf;
        return path;
    }
    elf_destroy(elf);
    free(path);
    return NULL;
}

static char *try_dir(struct search *search, const char *dir)
{
    char here[PATH_MAX];

    if (dir[0] == '/')
        return try_path(search, mem_format("%s/%s", dir, search->soname));
    if (getcwd(here, sizeof here) == NULL)
        return NULL;
    const char *below = dir[0] == '\0' ? "." : dir;
    return try_path(search, mem_format("%s/%s/%s", here, below, search->soname));
}

static const char *triplet(const char *machine)
{
    static const struct {
        const char *machine, *triplet;
    } table[] = {
        {"i686", "i386-linux-gnu"},           {"armv7l", "arm-linux-gnueabihf"},
        {"ppc64le", "powerpc64le-linux-gnu"}, {"x86_64", "x86_64-linux-gnu"},
        {"x32", "x86_64-linux-gnux32"},       {"aarch64", "aarch64-linux-gnu"},
        {"riscv64", "riscv64-linux-gnu"},     {"loongarch64", "loongarch64-linux-gnu"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].machine, machine) == 0)
            return table[i].triplet;
    return "unknown";
}

/* Replaces $ORIGIN, $LIB and $PLATFORM, in braces or not. NULL: another, unknown one. */
static char *expand(const char *text, size_t length, const char *origin,
                    const struct search *search)
{
    char *out = NULL;
    size_t used = 0;
    FILE *stream = open_memstream(&out, &used);

    for (size_t i = 0; stream != NULL && i < length; i++) {
        if (text[i] != '$') {
            fputc(text[i], stream);
            continue;
        }
        const char *name = text + i + 1;
        size_t brace = i + 1 < length && *name == '{';
        size_t skip;
        if (strncmp(name + brace, "ORIGIN", 6) == 0 && origin != NULL) {
            fputs(origin, stream);
            skip = 6;
        } else if (strncmp(name + brace, "LIB", 3) == 0) {
            fprintf(stream, "lib/%s", triplet(search->machine));
            skip = 3;
        } else if (strncmp(name + brace, "PLATFORM", 8) == 0) {
            fputs(search->machine, stream);
            skip = 8;
        } else {
            fclose(stream);
            free(out);
            return NULL;
        }
        i += skip + 2 * brace;
    }
    if (stream != NULL)
        fclose(stream);
    return out;
}

static char *try_list(struct search *search, const char *list, const char *separators,
                      const char *origin)
{
    while (list != NULL) {
        size_t length = strcspn(list, separators);
        char *dir = expand(list, length, origin, search);
        char *found = dir != NULL ? try_dir(search, dir) : NULL;
        free(dir);
        if (found != NULL)
            return found;
        list = list[length] != '\0' ? list + length + 1 : NULL;
    }
    return NULL;
}

static const char *cache_text(const struct libpath *libpath, uint32_t offset)
{
    if (offset >= libpath->table_size ||
        memchr(libpath->table + offset, '\0', libpath->table_size - offset) == NULL)
        return "";
    return libpath->table + offset;
}

static char *try_cache(struct search *search)
{
    const struct libpath *libpath = search->libpath;

    for (uint32_t i = 0; i < libpath->entry_count; i++) {
        const char *entry = libpath->table + CACHE_HEAD + (size_t)CACHE_ENTRY * i;
        uint64_t hwcap;
        memcpy(&hwcap, entry + 16, sizeof hwcap);
        const char *path = cache_text(libpath, cache_word(entry + 8));
        if (hwcap != 0 || path[0] != '/' ||
            strcmp(cache_text(libpath, cache_word(entry + 4)), search->soname) != 0)
            continue;
        char *found = try_path(search, mem_format("%s%s", libpath->root, path));
        if (found != NULL)
            return found;
    }
    return NULL;
}

static char *try_default_dirs(struct search *search)
{
    static const struct {
        const char *dir;
        bool has_triplet, is_wide;
    } dirs[] = {{"/lib", true, false},       {"/usr/lib", true, false}, {"/lib64", false, true},
                {"/usr/lib64", false, true}, {"/lib", false, false},    {"/usr/lib", false, false}};

    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        if (dirs[i].is_wide && search->bits != 64)
            continue;
        const char *below = dirs[i].has_triplet ? triplet(search->machine) : "";
        char *dir = mem_format("%s%s/%s", search->libpath->root, dirs[i].dir, below);
        dir[strlen(dir) - (below[0] == '\0')] = '\0';
        char *found = try_dir(search, dir);
        free(dir);
        if (found != NULL)
            return found;
    }
    return NULL;
}

/* DT_RPATH of the object and of those that asked for it, up to the program. */
static char *try_rpaths(struct search *search, const struct libpath_object *object)
{
    char *found = NULL;

    if (object->elf->runpath != NULL)
        return NULL;
    for (; object != NULL && found == NULL; object = object->loader)
        if (object->elf->rpath != NULL && object->elf->runpath == NULL)
            found = try_list(search, object->elf->rpath, ":", object->dir);
    return found;
}

static char *find(struct search *search, const struct libpath_object *object)
{
    char *found = NULL;

    if (strchr(search->soname, '/') != NULL)
        return search->soname[0] == '/' ? try_path(search, mem_string(search->soname))
                                        : try_dir(search, "");
    if (object != NULL)
        found = try_rpaths(search, object);
    if (found == NULL && search->libpath->library_path != NULL &&
        search->libpath->library_path[0] != '\0')
        found = try_list(search, search->libpath->library_path, ":;",
                         object != NULL ? object->dir : NULL);
    if (found == NULL && object != NULL)
        found = try_list(search, object->elf->runpath, ":", object->dir);
    if (found != NULL || (object != NULL && object->elf->no_default_dirs))
        return found;
    found = try_cache(search);
    return found != NULL ? found : try_default_dirs(search);
}

char *libpath_find(struct libpath *libpath, const char *soname, const struct libpath_object *object,
                   const char *machine, unsigned bits, struct elf **elf_out)
{
    struct search search = {libpath, soname, machine, bits, NULL};

    if (object != NULL) {
        search.machine = object->elf->machine;
        search.bits = object->elf->bits;
    }
    char *path = find(&search, object);
    if (path == NULL)
        return NULL;
    if (elf_out != NULL)
        *elf_out = search.elf;
    else
        elf_destroy(search.elf);
    return path;
}
