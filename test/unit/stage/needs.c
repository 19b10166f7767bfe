/* SPDX-License-Identifier: BSD-3-Clause */
/* needs.c - what programs need, with the loader's way to find libraries */
#include "config.h"
#include "stage/needs.h"

#include "test/lib/prelude.h"
#include "test/unit/stage/scratch.h"

#include "base/mem.h"
#include "stage/libpath.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct needs_library *library(const struct needs *needs, const char *name)
{
    for (size_t i = 0; i < needs->library_count; i++)
        if (strcmp(needs->libraries[i].name, name) == 0)
            return &needs->libraries[i];
    return NULL;
}

static void make_library(void **state, const char *path, const struct elf_made *made)
{
    struct elf_made copy = *made;

    copy.type = ET_DYN;
    free(scratch_elf(state, path, &copy));
}

static struct needs *find(void **state, const char *program, const char *library_dir)
{
    struct err err = {""};
    char *path = scratch_path(state, program),
         *dir = library_dir != NULL ? scratch_path(state, library_dir) : NULL;
    struct needs *needs = needs_find(path, dir, &err);

    assert_string_equal(err.text, "");
    free(path);
    free(dir);
    return needs;
}

static void assert_refused(void **state, const char *program, const char *sentence)
{
    struct err err = {""};
    char *path = scratch_path(state, program);

    assert_null(needs_find(path, NULL, &err));
    if (strstr(err.text, sentence) == NULL)
        assert_string_equal(err.text, sentence);
    free(path);
}

static void libraries_are_found_through_one_another(void **state)
{
    make_library(state, "app/lib/liba.so.1",
                 &(struct elf_made){.needed = {"libb.so.1"},
                                    .runpath = "$ORIGIN/../deep",
                                    .wants = {{"libb.so.1", "B_2"}, {"libc.so.6", "GLIBC_2.38"}}});
    make_library(state, "app/deep/libb.so.1", &(struct elf_made){.needed = {"libc.so.6"}});
    free(scratch_elf(
        state, "app/bin/app",
        &(struct elf_made){.interpreter = "/lib64/ld.so",
                           .needed = {"liba.so.1", "libc.so.6"},
                           .rpath = "${ORIGIN}/../lib",
                           .wants = {{"libc.so.6", "GLIBC_2.34"}, {"libc.so.6", "GLIBC_2.4"}}}));
    struct needs *needs = find(state, "app/bin/app", NULL);
    assert_string_equal(needs->arch, "x86_64");
    assert_string_equal(needs->glibc, "2.34"); /* the program's own */
    assert_string_equal(needs->mpi, "");
    assert_string_equal(needs->interpreters[0], "/lib64/ld.so");
    assert_int_equal(needs->library_count, 2); /* the C library is each host's own */
    char *expected = scratch_path(state, "app/bin/../lib/liba.so.1");
    assert_string_equal(library(needs, "liba.so.1")->path, expected);
    assert_string_equal(library(needs, "liba.so.1")->glibc, "2.38");
    free(expected);
    assert_int_equal(library(needs, "libb.so.1")->version_count, 1);
    assert_string_equal(library(needs, "libb.so.1")->versions[0], "B_2");
    assert_false(library(needs, "libb.so.1")->is_host);
    Wire__Needs *wire = needs_wire(needs);
    assert_string_equal(wire->glibc, "2.34");
    assert_int_equal(wire->n_interpreters, 1);
    message_free(wire);
    needs_destroy(needs);
}

/* LD_LIBRARY_PATH comes behind DT_RPATH and before DT_RUNPATH; what does not fit the machine is
 * passed over. */
static void the_loaders_order_is_kept(void **state)
{
    static const char *const dirs[] = {"env/libx.so", "rpath/libx.so", "runpath/libx.so"};

    for (size_t i = 0; i < 3; i++)
        make_library(state, dirs[i], &(struct elf_made){0});
    free(scratch_elf(state, "with-rpath",
                     &(struct elf_made){.needed = {"libx.so"}, .rpath = "$ORIGIN/rpath"}));
    free(scratch_elf(state, "with-runpath",
                     &(struct elf_made){.needed = {"libx.so"}, .runpath = "$ORIGIN/runpath"}));
    free(scratch_elf(state, "with-both",
                     &(struct elf_made){.needed = {"libx.so"},
                                        .rpath = "$ORIGIN/rpath",
                                        .runpath = "$ORIGIN/runpath"}));
    static const struct {
        const char *program, *env, *found;
    } cases[] = {
        {"with-rpath", "env", "/rpath/"},    {"with-runpath", "env", "/env/"},
        {"with-runpath", NULL, "/runpath/"}, {"with-both", NULL, "/runpath/"},
        {"with-both", "env", "/env/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct needs *needs = find(state, cases[i].program, cases[i].env);
        assert_non_null(strstr(needs->libraries[0].path, cases[i].found));
        needs_destroy(needs);
    }
    make_library(state, "env/libx.so", &(struct elf_made){.machine = EM_AARCH64});
    struct needs *needs = find(state, "with-runpath", "env");
    assert_non_null(strstr(needs->libraries[0].path, "/runpath/"));
    needs_destroy(needs);
}

static void a_missing_library_is_named_with_who_asks_for_it(void **state)
{
    make_library(state, "liba.so", &(struct elf_made){.needed = {"libnone-such.so.3"}});
    free(scratch_elf(state, "app", &(struct elf_made){.needed = {"liba.so"}, .rpath = "$ORIGIN"}));
    assert_refused(state, "app",
                   "/liba.so needs the library libnone-such.so.3, which is not on this host");
}

static void the_series_of_open_mpi_is_that_of_the_library_found(void **state)
{
    char *target = scratch_elf(state, "mpi/libmpi.so.40.40.7", &(struct elf_made){.type = ET_DYN});
    char *link = scratch_path(state, "mpi/libmpi.so.40");

    assert_int_equal(symlink(target, link), 0);
    make_library(state, "mpi/libmpi_mpifh.so.40", &(struct elf_made){.needed = {"libmpi.so.40"}});
    make_library(state, "mpi/libsolver.so",
                 &(struct elf_made){.needed = {"libmpi_mpifh.so.40"}, .rpath = "$ORIGIN"});
    free(scratch_elf(state, "mpi/app",
                     &(struct elf_made){.needed = {"libsolver.so"}, .rpath = "$ORIGIN"}));
    struct needs *needs = find(state, "mpi/app", NULL);
    assert_string_equal(needs->mpi, "5.0");
    assert_false(library(needs, "libsolver.so")->is_host);
    assert_true(library(needs, "libsolver.so")->has_mpi);
    assert_true(library(needs, "libmpi_mpifh.so.40")->is_host); /* needed there, never sent */
    needs_destroy(needs);
    free(target);
    free(link);
}

static void series_are_told_by_the_revision(void **state)
{
    (void)state;
    assert_string_equal(needs_mpi_series("/usr/lib/x86_64-linux-gnu/libmpi.so.40.30.4"), "4.1");
    assert_string_equal(needs_mpi_series("/opt/lib/libmpi.so.40.40.7"), "5.0");
    assert_string_equal(needs_mpi_series("libmpi.so.40.20.3"), "4.0");
    assert_string_equal(needs_mpi_series("/opt/lib/libmpi.so.40"), "");
    assert_string_equal(needs_mpi_series("/opt/lib/libother.so.40.30.4"), "");
}

static void families_are_told_apart(void **state)
{
    static const struct {
        const char *name;
        enum needs_kind kind;
    } cases[] = {
        {"libc.so.6", NEEDS_LIBC},
        {"ld-linux-x86-64.so.2", NEEDS_LIBC},
        {"libm.so.6", NEEDS_LIBC},
        {"libmvec.so.1", NEEDS_LIBC},
        {"libnss_files.so.2", NEEDS_LIBC},
        {"libmpi.so.40", NEEDS_MPI},
        {"libmpi_usempif08.so.40", NEEDS_MPI},
        {"libopen-pal.so.80", NEEDS_MPI},
        {"libpmix.so.2", NEEDS_MPI},
        {"libcuda.so.1", NEEDS_HOST},
        {"libucp.so.0", NEEDS_HOST},
        {"libgfortran.so.5", NEEDS_SENT},
        {"libstdc++.so.6", NEEDS_SENT},
        {"libmagic.so.1", NEEDS_SENT},
        {"libcrypt.so.1", NEEDS_SENT},
        {"libcupti.so", NEEDS_SENT},
        {"libpmi3.so", NEEDS_SENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(needs_kind(cases[i].name), cases[i].kind);
}

static void another_mpi_is_refused(void **state)
{
    free(scratch_elf(state, "app", &(struct elf_made){.needed = {"libmpich.so.12"}}));
    assert_refused(state, "app", "is linked with another MPI (libmpich.so.12), not with Open MPI");
}

static void scripts_need_their_interpreter(void **state)
{
    free(scratch_write(state, "a.sh", "#! /bin/sh -e\ntrue\n", 18, 0755));
    free(scratch_write(state, "a.py", "#!/usr/bin/env -S A=1 python3 -u\n", 33, 0755));
    free(scratch_write(state, "lost", "#!/no/such/thing\n", 17, 0755));
    free(scratch_write(state, "vague", "#!python\n", 9, 0755));
    struct needs *needs = find(state, "a.sh", NULL);
    assert_int_equal(needs->interpreter_count, 1);
    assert_string_equal(needs->interpreters[0], "/bin/sh");
    assert_string_equal(needs->arch, "");
    assert_false(needs->is_in_place);
    needs_destroy(needs);
    needs = find(state, "a.py", NULL);
    assert_int_equal(needs->interpreter_count, 2);
    assert_string_equal(needs->interpreters[1], "python3");
    needs_destroy(needs);
    assert_refused(state, "lost", "wants to be run by /no/such/thing, which is not on this host");
    assert_refused(state, "vague", "names no absolute path");
}

static void interpreters_stay_where_they_are(void **state)
{
    static const char *const names[] = {"/usr/bin/python3", "/usr/bin/python3.11", "/bin/sh",
                                        "/usr/bin/perl5.36.0", "/usr/bin/env"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct needs *needs = needs_find(names[i], NULL, NULL);
        assert_true(needs->is_in_place);
        assert_string_equal(needs->interpreters[0], names[i]);
        needs_destroy(needs);
    }
}

static void what_is_no_program_is_refused(void **state)
{
    free(scratch_write(state, "text", "hello\n", 6, 0755));
    free(scratch_write(state, "nothing", "", 0, 0755));
    make_library(state, "lib.so", &(struct elf_made){.soname = "lib.so"});
    assert_refused(state, "text", "is neither an ELF program nor a script that begins with #!");
    assert_refused(state, "nothing", "is neither an ELF program nor a script that begins with #!");
    assert_refused(state, "lib.so", "is a shared library, not a program");
}

static void programs_are_found_as_the_shell_does(void **state)
{
    struct err err;
    const char *cwd = *state;

    free(scratch_write(state, "a/tool", "x", 1, 0755));
    free(scratch_write(state, "b/tool", "x", 1, 0755));
    free(scratch_write(state, "b/plain", "x", 1, 0644));
    char *expected = scratch_path(state, "b/tool"),
         *found = needs_program("./b/tool", cwd, NULL, &err);
    assert_string_equal(found, expected);
    free(found);
    char *path = mem_format("%s/none:%s/b:a", cwd, cwd);
    found = needs_program("tool", cwd, path, &err);
    assert_string_equal(found, expected);
    free(found);
    found = needs_program("tool", cwd, "a:b", &err);
    assert_non_null(found);
    assert_non_null(strstr(found, "/a/tool"));
    free(found);
    static const struct {
        const char *name;
        int code;
        const char *sentence;
    } cases[] = {
        {"plain", EACCES, "is not executable"},
        {"no-such", ENOENT, "there is no program no-such in PATH"},
        {"./no-such", ENOENT, "there is no program"},
        {"b/plain", EACCES, "is not executable"},
        {"./a", EACCES, "is a directory, not a program"},
        {"", ENOENT, "is empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(needs_program(cases[i].name, cwd, path, &err));
        if (geteuid() == 0 && cases[i].code == EACCES)
            assert_true(errno == EACCES);
        else
            assert_int_equal(errno, cases[i].code);
        assert_non_null(strstr(err.text, cases[i].sentence));
    }
    free(path);
    free(expected);
}

static void this_program_and_its_libraries_are_understood(void **state)
{
    char self[4096];
    struct err err = {""};

    (void)state;
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    struct needs *needs = needs_find(self, getenv("LD_LIBRARY_PATH"), &err);
    assert_string_equal(err.text, "");
    assert_true(needs->library_count > 0);
    for (size_t i = 0; i < needs->library_count; i++)
        assert_int_equal(access(needs->libraries[i].path, R_OK), 0);
    needs_destroy(needs);
}

/* A cache with one right entry, one for newer CPUs and one that points nowhere, in a root of its
 * own. */
static void the_loaders_cache_is_read_and_a_broken_one_does_no_harm(void **state)
{
    struct {
        char magic[20];
        uint32_t count, length, more[5];
        struct {
            uint32_t flags, key, value, version;
            uint64_t hwcap;
        } entries[3];
        char text[64];
    } cache = {.magic = "glibc-ld.so.cache1.", .count = 3};
    const uint32_t text = offsetof(__typeof__(cache), text);

    cache.magic[19] = '1';
    memcpy(cache.text, "libx.so\0/opt/fast/libx.so\0/opt/x/libx.so", 41);
    cache.entries[0].key = cache.entries[1].key = cache.entries[2].key = text;
    cache.entries[0].value = UINT32_MAX;
    cache.entries[1].value = text + 8;
    cache.entries[1].hwcap = 1;
    cache.entries[2].value = text + 26;
    free(scratch_write(state, "etc/ld.so.cache", &cache, sizeof cache, 0644));
    make_library(state, "opt/x/libx.so", &(struct elf_made){0});
    make_library(state, "opt/fast/libx.so", &(struct elf_made){0});
    make_library(state, "lib/x86_64-linux-gnu/libdefault.so", &(struct elf_made){0});
    struct libpath *libpath = libpath_create(*state, NULL);
    char *path = libpath_find(libpath, "libx.so", NULL, "x86_64", 64, NULL);
    assert_non_null(path);
    assert_non_null(strstr(path, "/opt/x/libx.so"));
    free(path);
    path = libpath_find(libpath, "libdefault.so", NULL, "x86_64", 64, NULL);
    assert_non_null(path);
    free(path);
    assert_null(libpath_find(libpath, "libx.so", NULL, "aarch64", 64, NULL));
    libpath_destroy(libpath);

    for (size_t size = 0; size < sizeof cache; size += 3) {
        free(scratch_write(state, "etc/ld.so.cache", &cache, size, 0644));
        libpath = libpath_create(*state, NULL);
        free(libpath_find(libpath, "libx.so", NULL, "x86_64", 64, NULL));
        libpath_destroy(libpath);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
UNIT_MAIN(TEST(libraries_are_found_through_one_another), TEST(the_loaders_order_is_kept),
          TEST(a_missing_library_is_named_with_who_asks_for_it),
          TEST(the_series_of_open_mpi_is_that_of_the_library_found),
          TEST(series_are_told_by_the_revision), TEST(families_are_told_apart),
          TEST(another_mpi_is_refused), TEST(scripts_need_their_interpreter),
          TEST(interpreters_stay_where_they_are), TEST(what_is_no_program_is_refused),
          TEST(programs_are_found_as_the_shell_does),
          TEST(this_program_and_its_libraries_are_understood),
          TEST(the_loaders_cache_is_read_and_a_broken_one_does_no_harm))
