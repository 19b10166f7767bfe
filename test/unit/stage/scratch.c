/* SPDX-License-Identifier: BSD-3-Clause */
/* scratch.c - a directory of the test's own, files in it, and ELF files made by hand */
#include "config.h"
#include "test/unit/stage/scratch.h"

#include "test/lib/prelude.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/rand.h"

#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int scratch_make(void **state)
{
    const char *parent = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    char *path = mem_format("%s/p2pmpi-stage-XXXXXX", parent);

    if (mkdtemp(path) == NULL) {
        free(path);
        return -1;
    }
    *state = realpath(path, NULL);
    free(path);
    return *state != NULL ? 0 : -1;
}

int scratch_remove(void **state)
{
    int result = file_remove_tree(*state, NULL);

    free(*state);
    return result;
}

char *scratch_path(void **state, const char *name)
{
    return mem_format("%s/%s", (const char *)*state, name);
}

char *scratch_write(void **state, const char *name, const void *bytes, size_t size, mode_t mode)
{
    char *path = scratch_path(state, name);
    char *slash = strrchr(path, '/');

    *slash = '\0';
    assert_int_equal(file_mkdirs(path, 0755, NULL), 0);
    *slash = '/';
    assert_int_equal(file_write(path, bytes, size, mode, NULL), 0);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

char *scratch_text(void **state, const char *name, const char *text)
{
    return scratch_write(state, name, text, strlen(text), 0644);
}

char *scratch_read(const char *path, size_t *size_out)
{
    return file_read(path, 1u << 30, size_out, NULL);
}

void scratch_fill(uint8_t *bytes, size_t size, uint64_t seed)
{
    struct prng prng;

    prng_seed(&prng, seed);
    for (size_t i = 0; i < size; i++)
        bytes[i] = i % 8 == 0 ? (uint8_t)prng_u64(&prng) : (uint8_t)(bytes[i - 1] * 167 + 13);
}

void scratch_hash(const void *bytes, size_t size, uint8_t out[32])
{
    unsigned length = 0;

    assert_int_equal(EVP_Digest(bytes, size, out, &length, EVP_sha256(), NULL), 1);
}

/* ---------------------------------------------------------------- ELF by hand */

#define BASE 0x10000 /* where the one loaded segment lies in memory: offset + BASE */

struct maker {
    uint8_t *out;
    size_t used;
    size_t strings; /* offset of the string table */
    Elf64_Dyn dynamic[32];
    size_t dynamic_count;
};

static uint32_t add_string(struct maker *maker, const char *text)
{
    size_t at = maker->used;

    memcpy(maker->out + at, text, strlen(text) + 1);
    maker->used += strlen(text) + 1;
    return (uint32_t)(at - maker->strings);
}

static void add_dynamic(struct maker *maker, int64_t tag, uint64_t value)
{
    maker->dynamic[maker->dynamic_count++] = (Elf64_Dyn){.d_tag = tag, .d_un.d_val = value};
}

static void add_text(struct maker *maker, int64_t tag, const char *text)
{
    if (text != NULL)
        add_dynamic(maker, tag, add_string(maker, text));
}

static size_t add_bytes(struct maker *maker, const void *bytes, size_t size)
{
    maker->used = (maker->used + 7) / 8 * 8;
    memcpy(maker->out + maker->used, bytes, size);
    maker->used += size;
    return maker->used - size;
}

static void add_wants(struct maker *maker, const struct elf_made *made)
{
    struct {
        Elf64_Verneed need;
        Elf64_Vernaux aux;
    } wants[ELF_MADE_LIST] = {0};
    size_t count = 0;

    while (count < ELF_MADE_LIST && made->wants[count][0] != NULL) {
        wants[count].need = (Elf64_Verneed){1, 1, add_string(maker, made->wants[count][0]),
                                            sizeof(Elf64_Verneed), sizeof *wants};
        wants[count].aux = (Elf64_Vernaux){0, 0, 2, add_string(maker, made->wants[count][1]), 0};
        count++;
    }
    if (count == 0)
        return;
    wants[count - 1].need.vn_next = 0;
    add_dynamic(maker, DT_VERNEED, BASE + add_bytes(maker, wants, count * sizeof *wants));
    add_dynamic(maker, DT_VERNEEDNUM, count);
}

static void add_provides(struct maker *maker, const struct elf_made *made)
{
    struct {
        Elf64_Verdef define;
        Elf64_Verdaux aux;
        uint32_t pad;
    } provides[ELF_MADE_LIST] = {0};
    size_t count = 0;

    while (count < ELF_MADE_LIST && made->provides[count] != NULL) {
        provides[count].define = (Elf64_Verdef){
            1, 0, (uint16_t)(2 + count), 1, 0, sizeof(Elf64_Verdef), sizeof *provides};
        provides[count].aux = (Elf64_Verdaux){add_string(maker, made->provides[count]), 0};
        count++;
    }
    if (count == 0)
        return;
    provides[count - 1].define.vd_next = 0;
    add_dynamic(maker, DT_VERDEF, BASE + add_bytes(maker, provides, count * sizeof *provides));
    add_dynamic(maker, DT_VERDEFNUM, count);
}

size_t elf_make(const struct elf_made *made, uint8_t out[ELF_MADE_MAX])
{
    struct maker maker = {.out = out};
    Elf64_Phdr segments[3] = {{.p_type = PT_LOAD, .p_vaddr = BASE}};
    size_t count = 1;

    memset(out, 0, ELF_MADE_MAX);
    maker.used = sizeof(Elf64_Ehdr) + sizeof segments;
    if (made->interpreter != NULL) {
        size_t size = strlen(made->interpreter) + 1;
        segments[count++] =
            (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = maker.used, .p_filesz = size};
        memcpy(out + maker.used, made->interpreter, size);
        maker.used += size;
    }
    maker.strings = maker.used++;
    for (size_t i = 0; i < ELF_MADE_LIST; i++)
        add_text(&maker, DT_NEEDED, made->needed[i]);
    add_text(&maker, DT_SONAME, made->soname);
    add_text(&maker, DT_RPATH, made->rpath);
    add_text(&maker, DT_RUNPATH, made->runpath);
    add_wants(&maker, made);
    add_provides(&maker, made);
    if (made->filler != NULL)
        add_string(&maker, made->filler);
    if (maker.dynamic_count > 0) {
        add_dynamic(&maker, DT_STRTAB, BASE + maker.strings);
        add_dynamic(&maker, DT_STRSZ, maker.used - maker.strings);
        add_dynamic(&maker, DT_NULL, 0);
        size_t size = maker.dynamic_count * sizeof *maker.dynamic;
        size_t at = add_bytes(&maker, maker.dynamic, size);
        segments[count++] = (Elf64_Phdr){
            .p_type = PT_DYNAMIC, .p_offset = at, .p_vaddr = BASE + at, .p_filesz = size};
    }
    segments[0].p_filesz = segments[0].p_memsz = maker.used;
    Elf64_Ehdr head = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = made->type != 0 ? made->type : ET_EXEC,
        .e_machine = made->machine != 0 ? made->machine : EM_X86_64,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof(Elf64_Ehdr),
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = (uint16_t)count,
    };
    memcpy(out, &head, sizeof head);
    memcpy(out + sizeof head, segments, sizeof segments);
    return maker.used;
}

char *scratch_elf(void **state, const char *name, const struct elf_made *made)
{
    uint8_t bytes[ELF_MADE_MAX];

    return scratch_write(state, name, bytes, elf_make(made, bytes), 0755);
}
