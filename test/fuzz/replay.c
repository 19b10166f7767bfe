/* SPDX-License-Identifier: BSD-3-Clause */
/* replay.c - main of a fuzz target without a fuzzer: every file of its corpus, whole, cut short and
 * bent
 *
 * Arguments: files or directories; without any, test/fuzz/corpus/NAME for the program fuzz-NAME.
 * The bending is repeatable. TAP on standard output, one line per file. */
#include "config.h"
#include "test/fuzz/fuzz.h"

#include "base/file.h"
#include "base/rand.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifdef P2PMPI_FUZZ_ENGINE /* libFuzzer brings main */
extern int replay_not_used;
#else

#define INPUT_MAX (1u << 20)
#define CUTS      64
#define BENDS     200

/* A copy of its own, so that a sanitizer sees a read behind the end. */
static void feed(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL)
        abort();
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void feed_cut(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < CUTS; i++)
        feed(bytes, size * i / CUTS);
}

static void feed_bent(uint8_t *bytes, size_t size)
{
    struct prng prng;

    prng_seed(&prng, size);
    for (int i = 0; size > 0 && i < BENDS; i++) {
        uint8_t *victim = &bytes[prng_below(&prng, (uint32_t)size)], old = *victim;
        *victim = prng_below(&prng, 2) ? (uint8_t)(old ^ 1 << prng_below(&prng, 8))
                                       : (uint8_t)prng_u64(&prng);
        feed(bytes, size);
        *victim = old;
    }
}

static int replay_file(const char *path)
{
    struct err err;
    size_t size;
    char *bytes = file_read(path, INPUT_MAX, &size, &err);

    if (bytes == NULL) {
        printf("not ok - %s\n", err.text);
        return 1;
    }
    feed((uint8_t *)bytes, size);
    feed_cut((uint8_t *)bytes, size);
    feed_bent((uint8_t *)bytes, size);
    free(bytes);
    printf("ok - %s\n", path);
    return 0;
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int replay(const char *path)
{
    struct dirent **entries;
    struct stat st;
    int failures = 0;

    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return replay_file(path);
    int count = scandir(path, &entries, is_input, alphasort);
    for (int i = 0; i < count; i++) {
        char *inner;
        if (asprintf(&inner, "%s/%s", path, entries[i]->d_name) < 0)
            abort();
        failures += replay(inner);
        free(inner);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return failures + (count <= 0);
}

int main(int argc, char **argv)
{
    const char *root = getenv("P2PMPI_SRCDIR"), *name = strstr(argv[0], "fuzz-");
    int failures = 0;

    for (int i = 1; i < argc; i++)
        failures += replay(argv[i]);
    if (argc == 1 && name != NULL) {
        char *path;
        if (asprintf(&path, "%s/test/fuzz/corpus/%s", root != NULL ? root : ".",
                     name + strlen("fuzz-")) < 0)
            abort();
        failures += replay(path);
        free(path);
    }
    return failures > 0;
}
#endif
