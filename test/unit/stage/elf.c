/* SPDX-License-Identifier: BSD-3-Clause */
/* elf.c - what an ELF file says, and that no broken one does harm */
#include "config.h"
#include "stage/elf.h"

#include "test/lib/prelude.h"
#include "test/unit/stage/scratch.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct elf_made program = {
    .interpreter = "/lib64/ld-linux-x86-64.so.2",
    .needed = {"libfoo.so.1", "libc.so.6"},
    .rpath = "$ORIGIN/../lib",
    .wants = {{"libc.so.6", "GLIBC_2.34"}, {"libfoo.so.1", "FOO_1.2"}},
};

static struct elf *read_bytes(const uint8_t *bytes, size_t size, struct err *err)
{
    int fd = memfd_create("elf", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, size, 0), size);
    struct elf *elf = elf_read_fd(fd, "the file", err);
    close(fd);
    return elf;
}

static struct elf *read_made(const struct elf_made *made, struct err *err)
{
    uint8_t bytes[ELF_MADE_MAX];

    return read_bytes(bytes, elf_make(made, bytes), err);
}

static void a_program_tells_what_it_needs(void **state)
{
    struct err err = {""};

    (void)state;
    struct elf *elf = read_made(&program, &err);
    assert_string_equal(err.text, "");
    assert_true(elf->is_program && elf->is_dynamic);
    assert_string_equal(elf->machine, "x86_64");
    assert_string_equal(elf->interpreter, program.interpreter);
    assert_int_equal(elf->needed.count, 2);
    assert_string_equal(elf->needed.items[0], "libfoo.so.1");
    assert_string_equal(elf->rpath, "$ORIGIN/../lib");
    assert_null(elf->runpath);
    assert_int_equal(elf->want_count, 2);
    assert_string_equal(elf->wants[1].file, "libfoo.so.1");
    assert_string_equal(elf->wants[1].version, "FOO_1.2");
    elf_destroy(elf);
}

static void a_library_tells_what_it_provides(void **state)
{
    const struct elf_made made = {.type = ET_DYN,
                                  .machine = EM_AARCH64,
                                  .soname = "libfoo.so.1",
                                  .provides = {"FOO_1.1", "FOO_1.2"}};

    (void)state;
    struct elf *elf = read_made(&made, NULL);
    assert_false(elf->is_program);
    assert_string_equal(elf->machine, "aarch64");
    assert_string_equal(elf->soname, "libfoo.so.1");
    assert_int_equal(elf->provides.count, 2);
    assert_string_equal(elf->provides.items[1], "FOO_1.2");
    elf_destroy(elf);
}

static void a_static_program_is_one(void **state)
{
    const struct elf_made made = {0};

    (void)state;
    struct elf *elf = read_made(&made, NULL);
    assert_true(elf->is_program);
    assert_false(elf->is_dynamic);
    elf_destroy(elf);
}

static void this_program_can_be_read(void **state)
{
    (void)state;
    struct elf *elf = elf_read("/proc/self/exe", NULL);
    assert_non_null(elf);
    assert_true(elf->is_program);
    assert_true(elf->needed.count > 0);
    elf_destroy(elf);
}

static void others_are_refused_with_a_sentence(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        const char *sentence;
    } cases[] = {
        {0, 'x', "the file is not an ELF file"},
        {EI_DATA, ELFDATA2MSB, "the file is for a big-endian machine, which is not supported"},
        {EI_CLASS, 9, "the file is a broken ELF file (its class is unknown)"},
        {offsetof(Elf64_Ehdr, e_type), ET_REL,
         "the file is an object file, not a program: link it first"},
        {offsetof(Elf64_Ehdr, e_type), ET_CORE, "the file is a core dump, not a program"},
        {offsetof(Elf64_Ehdr, e_phoff) + 3, 1, "the file is a broken ELF file (it ends too early)"},
        {offsetof(Elf64_Ehdr, e_phentsize), 1,
         "the file is a broken ELF file (its program headers are wrong)"},
    };
    uint8_t bytes[ELF_MADE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {""};
        size_t size = elf_make(&program, bytes);
        bytes[cases[i].at] = cases[i].value;
        errno = 0;
        assert_null(read_bytes(bytes, size, &err));
        assert_string_equal(err.text, cases[i].sentence);
        assert_int_equal(errno, ENOEXEC);
    }
}

static void a_directory_and_an_empty_file_are_refused(void **state)
{
    struct err err;

    (void)state;
    assert_null(elf_read("/", &err));
    assert_string_equal(err.text, "/ is a directory, not a file");
    assert_null(read_bytes((const uint8_t *)"", 0, &err));
    assert_string_equal(err.text, "the file is not an ELF file");
}

/* Under AddressSanitizer this is worth something: each byte in turn is made extreme. */
static void no_wrong_byte_does_harm(void **state)
{
    const struct elf_made made = {.interpreter = "/i",
                                  .needed = {"liba.so"},
                                  .wants = {{"libc.so.6", "GLIBC_2.1"}},
                                  .provides = {"A"}};
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    uint8_t bytes[ELF_MADE_MAX];
    size_t size = elf_make(&made, bytes);

    (void)state;
    for (size_t at = 0; at < size; at++)
        for (size_t i = 0; i < sizeof values; i++) {
            uint8_t kept = bytes[at];
            bytes[at] = values[i];
            elf_destroy(read_bytes(bytes, size, NULL));
            bytes[at] = kept;
        }
}

static void a_cut_file_is_broken_wherever_it_is_cut(void **state)
{
    uint8_t bytes[ELF_MADE_MAX];
    size_t size = elf_make(&program, bytes);

    (void)state;
    for (size_t cut = 0; cut < size; cut++)
        assert_null(read_bytes(bytes, cut, NULL));
}

/* A version chain that points at itself ends by its count. */
static void a_chain_in_a_circle_ends(void **state)
{
    uint8_t bytes[ELF_MADE_MAX];
    size_t size = elf_make(&program, bytes);

    (void)state;
    for (size_t at = 0; at + sizeof(Elf64_Dyn) <= size; at += 8) {
        Elf64_Dyn entry;
        memcpy(&entry, bytes + at, sizeof entry);
        if (entry.d_tag != DT_VERNEEDNUM)
            continue;
        entry.d_un.d_val = UINT64_MAX;
        memcpy(bytes + at, &entry, sizeof entry);
    }
    elf_destroy(read_bytes(bytes, size, NULL));
}

static void versions_compare_as_numbers(void **state)
{
    (void)state;
    assert_int_equal(elf_version_compare("2.4", "2.36"), -1);
    assert_int_equal(elf_version_compare("2.36", "2.36"), 0);
    assert_int_equal(elf_version_compare("2.36.1", "2.36"), 1);
    assert_int_equal(elf_version_compare("3", "2.99"), 1);
    assert_int_equal(elf_version_compare("", "2"), -1);
    assert_int_equal(elf_version_compare("x.y", "0"), 0);
}

UNIT_MAIN(cmocka_unit_test(a_program_tells_what_it_needs),
          cmocka_unit_test(a_library_tells_what_it_provides),
          cmocka_unit_test(a_static_program_is_one), cmocka_unit_test(this_program_can_be_read),
          cmocka_unit_test(others_are_refused_with_a_sentence),
          cmocka_unit_test(a_directory_and_an_empty_file_are_refused),
          cmocka_unit_test(no_wrong_byte_does_harm),
          cmocka_unit_test(a_cut_file_is_broken_wherever_it_is_cut),
          cmocka_unit_test(a_chain_in_a_circle_ends), cmocka_unit_test(versions_compare_as_numbers))
