/* SPDX-License-Identifier: BSD-3-Clause */
/* elf.c - what an ELF file says about itself: machine, interpreter, libraries, symbol versions
 *
 * Numbers and layouts: System V ABI (gabi), "Object Files" and "Dynamic Linking"; symbol versions:
 * Linux Standard Base Core 5.0, chapter 10.7. */
#include "config.h"
#include "stage/elf.h"

#include "base/mem.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENTS_MAX 256  /* program headers */
#define DYNAMIC_MAX  4096 /* entries of the dynamic section */
#define NEEDED_MAX   1024 /* libraries that one object asks for */
#define VERSIONS_MAX 4096 /* versions that one object needs, or defines */
#define TEXT_MAX     4096 /* bytes of one string */

struct segment {
    uint32_t type;
    uint64_t offset, address, size;
};

struct dynamic {
    uint64_t strings, string_size; /* address in memory, bytes */
    uint64_t want, want_count;
    uint64_t provide, provide_count;
    uint64_t flags_1;
};

struct reader {
    int fd;
    const char *name;
    struct err *err;
    uint64_t size; /* of the file */
    bool is_wide;  /* ELF64 */
    uint16_t type;
    struct segment *segments;
    size_t segment_count;
    uint64_t strings_offset; /* in the file */
    struct dynamic dynamic;
};

bool elf_is_magic(const void *bytes, size_t size)
{
    return size >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0;
}

static int broken(const struct reader *reader, const char *what)
{
    errno = ENOEXEC;
    return err_set(reader->err, "%s is a broken ELF file (%s)", reader->name, what);
}

/* All reads from the file come through here: the one place that checks offset and size. */
static int bytes_at(const struct reader *reader, uint64_t offset, void *out, size_t size)
{
    if (offset > reader->size || size > reader->size - offset)
        return broken(reader, "it ends too early");
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(reader->fd, (char *)out + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_sys(reader->err, "cannot read %s", reader->name);
        if (got == 0)
            return broken(reader, "it became shorter while it was read");
        done += (size_t)got;
    }
    return 0;
}

static uint16_t half(const unsigned char *bytes)
{
    uint16_t value;

    memcpy(&value, bytes, sizeof value);
    return le16toh(value);
}

static uint32_t word(const unsigned char *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof value);
    return le32toh(value);
}

static uint64_t wide(const unsigned char *bytes)
{
    uint64_t value;

    memcpy(&value, bytes, sizeof value);
    return le64toh(value);
}

/* An address-sized number: 8 bytes in ELF64, 4 in ELF32. */
static uint64_t native(const struct reader *reader, const unsigned char *bytes)
{
    return reader->is_wide ? wide(bytes) : word(bytes);
}

static void machine_name(struct elf *elf, unsigned machine)
{
    static const struct {
        unsigned machine, bits;
        const char *name;
    } names[] = {
        {EM_X86_64, 64, "x86_64"},   {EM_X86_64, 32, "x32"},    {EM_386, 32, "i686"},
        {EM_AARCH64, 64, "aarch64"}, {EM_ARM, 32, "armv7l"},    {EM_RISCV, 64, "riscv64"},
        {EM_RISCV, 32, "riscv32"},   {EM_PPC64, 64, "ppc64le"}, {EM_MIPS, 64, "mips64"},
        {EM_MIPS, 32, "mips"},       {258, 64, "loongarch64"},
    };

    snprintf(elf->machine, sizeof elf->machine, "elf-%u", machine & 0xffff);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].machine == machine && names[i].bits == elf->bits)
            snprintf(elf->machine, sizeof elf->machine, "%s", names[i].name);
}

static int check_head(struct reader *reader, const unsigned char *head)
{
    errno = ENOEXEC;
    if (!elf_is_magic(head, EI_NIDENT))
        return err_set(reader->err, "%s is not an ELF file", reader->name);
    if (head[EI_DATA] == ELFDATA2MSB)
        return err_set(reader->err, "%s is for a big-endian machine, which is not supported",
                       reader->name);
    if (head[EI_DATA] != ELFDATA2LSB ||
        (head[EI_CLASS] != ELFCLASS64 && head[EI_CLASS] != ELFCLASS32))
        return broken(reader, "its class is unknown");
    reader->is_wide = head[EI_CLASS] == ELFCLASS64;
    return 0;
}

static int check_type(const struct reader *reader)
{
    errno = ENOEXEC;
    if (reader->type == ET_REL)
        return err_set(reader->err, "%s is an object file, not a program: link it first",
                       reader->name);
    if (reader->type == ET_CORE)
        return err_set(reader->err, "%s is a core dump, not a program", reader->name);
    if (reader->type != ET_EXEC && reader->type != ET_DYN)
        return broken(reader, "its type is unknown");
    return 0;
}

static void read_segment(const struct reader *reader, const unsigned char *bytes,
                         struct segment *out)
{
    out->type = word(bytes);
    out->offset = native(reader, bytes + (reader->is_wide ? 8 : 4));
    out->address = native(reader, bytes + (reader->is_wide ? 16 : 8));
    out->size = native(reader, bytes + (reader->is_wide ? 32 : 16));
}

static int read_head(struct reader *reader, struct elf *elf)
{
    unsigned char head[sizeof(Elf64_Ehdr)] = {0};

    if (reader->size < sizeof(Elf32_Ehdr)) {
        errno = ENOEXEC;
        return err_set(reader->err, "%s is not an ELF file", reader->name);
    }
    if (bytes_at(reader, 0, head, sizeof(Elf32_Ehdr)) < 0 || check_head(reader, head) < 0)
        return -1;
    if (reader->is_wide && bytes_at(reader, 0, head, sizeof head) < 0)
        return -1;
    reader->type = half(head + 16);
    elf->bits = reader->is_wide ? 64 : 32;
    machine_name(elf, half(head + 18));
    if (check_type(reader) < 0)
        return -1;

    uint64_t offset = native(reader, head + (reader->is_wide ? 32 : 28));
    size_t each = half(head + (reader->is_wide ? 54 : 42)),
           count = half(head + (reader->is_wide ? 56 : 44));
    if (count == 0 || count > SEGMENTS_MAX ||
        each != (reader->is_wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
        return broken(reader, "its program headers are wrong");
    unsigned char *bytes = mem_alloc(count * each);
    if (bytes_at(reader, offset, bytes, count * each) < 0) {
        free(bytes);
        return -1;
    }
    reader->segments = mem_array(count, sizeof *reader->segments);
    reader->segment_count = count;
    for (size_t i = 0; i < count; i++)
        read_segment(reader, bytes + i * each, &reader->segments[i]);
    free(bytes);
    return 0;
}

static const struct segment *segment_of_type(const struct reader *reader, uint32_t type)
{
    for (size_t i = 0; i < reader->segment_count; i++)
        if (reader->segments[i].type == type)
            return &reader->segments[i];
    return NULL;
}

/* Where in the file an address of the loaded image lies. */
static int offset_of(const struct reader *reader, uint64_t address, uint64_t *offset_out)
{
    for (size_t i = 0; i < reader->segment_count; i++) {
        const struct segment *segment = &reader->segments[i];
        if (segment->type != PT_LOAD || address < segment->address ||
            address - segment->address >= segment->size)
            continue;
        uint64_t inside = address - segment->address;
        if (segment->offset > reader->size || inside > reader->size - segment->offset)
            break;
        *offset_out = segment->offset + inside;
        return 0;
    }
    return broken(reader, "an address lies outside of it");
}

/* A string of at most TEXT_MAX bytes that ends within `room` bytes from offset. */
static char *text_at(const struct reader *reader, uint64_t offset, uint64_t room)
{
    char text[TEXT_MAX];
    size_t size = sizeof text;

    if (offset > reader->size) {
        broken(reader, "a string lies outside of it");
        return NULL;
    }
    if (size > room)
        size = (size_t)room;
    if (size > reader->size - offset)
        size = (size_t)(reader->size - offset);
    if (bytes_at(reader, offset, text, size) < 0)
        return NULL;
    if (memchr(text, '\0', size) == NULL) {
        broken(reader, "a string has no end");
        return NULL;
    }
    return mem_string(text);
}

/* A string of the dynamic string table. */
static char *dynamic_text(const struct reader *reader, uint64_t index)
{
    if (index >= reader->dynamic.string_size || reader->strings_offset > reader->size ||
        index > reader->size - reader->strings_offset) {
        broken(reader, "a string lies outside of its table");
        return NULL;
    }
    return text_at(reader, reader->strings_offset + index, reader->dynamic.string_size - index);
}

static int read_interpreter(struct reader *reader, struct elf *elf)
{
    const struct segment *segment = segment_of_type(reader, PT_INTERP);

    if (segment == NULL)
        return 0;
    elf->interpreter = text_at(reader, segment->offset, segment->size);
    return elf->interpreter != NULL ? 0 : -1;
}

static void note_tag(struct dynamic *dynamic, uint64_t tag, uint64_t value)
{
    switch (tag) {
    case DT_STRTAB:
        dynamic->strings = value;
        break;
    case DT_STRSZ:
        dynamic->string_size = value;
        break;
    case DT_VERNEED:
        dynamic->want = value;
        break;
    case DT_VERNEEDNUM:
        dynamic->want_count = value;
        break;
    case DT_VERDEF:
        dynamic->provide = value;
        break;
    case DT_VERDEFNUM:
        dynamic->provide_count = value;
        break;
    case DT_FLAGS_1:
        dynamic->flags_1 = value;
        break;
    default:
        break;
    }
}

static int list_add(struct elf_list *list, char *text)
{
    if (text == NULL)
        return -1;
    list->items = mem_grow(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = text;
    return 0;
}

static int replace(char **where, char *text)
{
    if (text == NULL)
        return -1;
    free(*where);
    *where = text;
    return 0;
}

static int note_text(const struct reader *reader, struct elf *elf, uint64_t tag, uint64_t value)
{
    switch (tag) {
    case DT_NEEDED:
        if (elf->needed.count >= NEEDED_MAX)
            return broken(reader, "it asks for too many libraries");
        return list_add(&elf->needed, dynamic_text(reader, value));
    case DT_SONAME:
        return replace(&elf->soname, dynamic_text(reader, value));
    case DT_RPATH:
        return replace(&elf->rpath, dynamic_text(reader, value));
    case DT_RUNPATH:
        return replace(&elf->runpath, dynamic_text(reader, value));
    default:
        return 0;
    }
}

/* Twice over the entries: strings can be read once it is known where their table is. */
static int read_entries(struct reader *reader, struct elf *elf, const unsigned char *bytes,
                        size_t count)
{
    size_t width = reader->is_wide ? 8 : 4;
    size_t used = 0;

    while (used < count && native(reader, bytes + 2 * width * used) != DT_NULL) {
        const unsigned char *entry = bytes + 2 * width * used++;
        note_tag(&reader->dynamic, native(reader, entry), native(reader, entry + width));
    }
    if (reader->dynamic.string_size > 0 &&
        offset_of(reader, reader->dynamic.strings, &reader->strings_offset) < 0)
        return -1;
    for (size_t i = 0; i < used; i++) {
        const unsigned char *entry = bytes + 2 * width * i;
        if (note_text(reader, elf, native(reader, entry), native(reader, entry + width)) < 0)
            return -1;
    }
    return 0;
}

static int read_dynamic(struct reader *reader, struct elf *elf)
{
    const struct segment *segment = segment_of_type(reader, PT_DYNAMIC);

    if (segment == NULL)
        return 0;
    elf->is_dynamic = true;
    size_t each = reader->is_wide ? 16 : 8;
    if (segment->size > DYNAMIC_MAX * each)
        return broken(reader, "its dynamic section is too long");
    size_t count = (size_t)segment->size / each;
    unsigned char *bytes = mem_alloc(count * each);
    int result = bytes_at(reader, segment->offset, bytes, count * each);
    if (result == 0)
        result = read_entries(reader, elf, bytes, count);
    free(bytes);
    elf->no_default_dirs = (reader->dynamic.flags_1 & DF_1_NODEFLIB) != 0;
    return result;
}

static int add_want(const struct reader *reader, struct elf *elf, const char *file, uint64_t name)
{
    char *version = dynamic_text(reader, name);

    if (version == NULL)
        return -1;
    elf->wants = mem_grow(elf->wants, elf->want_count + 1, sizeof *elf->wants);
    elf->wants[elf->want_count++] = (struct elf_version){mem_string(file), version};
    return 0;
}

/* The versions wanted of one library: a chain of Vernaux, each naming the distance to the next. */
static int read_want(const struct reader *reader, struct elf *elf, uint64_t offset, unsigned count,
                     const char *file)
{
    while (count-- > 0) {
        unsigned char aux[sizeof(Elf64_Vernaux)];
        if (elf->want_count >= VERSIONS_MAX)
            return broken(reader, "it asks for too many versions");
        if (bytes_at(reader, offset, aux, sizeof aux) < 0)
            return -1;
        bool is_weak = (half(aux + 4) & VER_FLG_WEAK) != 0;
        if (!is_weak && add_want(reader, elf, file, word(aux + 8)) < 0)
            return -1;
        if (word(aux + 12) == 0)
            break;
        offset += word(aux + 12);
    }
    return 0;
}

static int read_wants(const struct reader *reader, struct elf *elf)
{
    uint64_t offset;

    if (reader->dynamic.want == 0)
        return 0;
    if (offset_of(reader, reader->dynamic.want, &offset) < 0)
        return -1;
    for (uint64_t i = 0; i < reader->dynamic.want_count; i++) {
        unsigned char need[sizeof(Elf64_Verneed)];
        if (i >= VERSIONS_MAX)
            return broken(reader, "it asks for too many versions");
        if (bytes_at(reader, offset, need, sizeof need) < 0)
            return -1;
        char *file = dynamic_text(reader, word(need + 4));
        if (file == NULL)
            return -1;
        int result = read_want(reader, elf, offset + word(need + 8), half(need + 2), file);
        free(file);
        if (result < 0)
            return -1;
        if (word(need + 12) == 0)
            break;
        offset += word(need + 12);
    }
    return 0;
}

static int read_provides(const struct reader *reader, struct elf *elf)
{
    uint64_t offset;

    if (reader->dynamic.provide == 0)
        return 0;
    if (offset_of(reader, reader->dynamic.provide, &offset) < 0)
        return -1;
    for (uint64_t i = 0; i < reader->dynamic.provide_count; i++) {
        unsigned char define[sizeof(Elf64_Verdef)], aux[sizeof(Elf64_Verdaux)];
        if (i >= VERSIONS_MAX)
            return broken(reader, "it defines too many versions");
        if (bytes_at(reader, offset, define, sizeof define) < 0 ||
            bytes_at(reader, offset + word(define + 12), aux, sizeof aux) < 0)
            return -1;
        bool is_base = (half(define + 2) & VER_FLG_BASE) != 0;
        if (!is_base && list_add(&elf->provides, dynamic_text(reader, word(aux))) < 0)
            return -1;
        if (word(define + 16) == 0)
            break;
        offset += word(define + 16);
    }
    return 0;
}

static int read_all(struct reader *reader, struct elf *elf)
{
    if (read_head(reader, elf) < 0 || read_interpreter(reader, elf) < 0 ||
        read_dynamic(reader, elf) < 0 || read_wants(reader, elf) < 0 ||
        read_provides(reader, elf) < 0)
        return -1;
    bool is_pie = elf->interpreter != NULL || (reader->dynamic.flags_1 & DF_1_PIE) != 0;
    elf->is_program = reader->type == ET_EXEC || is_pie;
    return 0;
}

struct elf *elf_read_fd(int fd, const char *name, struct err *err)
{
    struct reader reader = {.fd = fd, .name = name, .err = err};
    struct stat st;

    if (fstat(fd, &st) < 0) {
        err_sys(err, "cannot read %s", name);
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EACCES;
        err_set(err, "%s is %s, not a file", name,
                S_ISDIR(st.st_mode) ? "a directory" : "something else");
        return NULL;
    }
    reader.size = (uint64_t)st.st_size;
    struct elf *elf = mem_alloc(sizeof *elf);
    int result = read_all(&reader, elf);
    free(reader.segments);
    if (result < 0) {
        elf_destroy(elf);
        return NULL;
    }
    return elf;
}

struct elf *elf_read(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        err_sys(err, "cannot read %s", path);
        return NULL;
    }
    struct elf *elf = elf_read_fd(fd, path, err);
    int saved = errno;
    close(fd);
    errno = saved;
    return elf;
}

static void list_clear(struct elf_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

void elf_destroy(struct elf *elf)
{
    int saved = errno;

    if (elf == NULL)
        return;
    free(elf->interpreter);
    free(elf->soname);
    free(elf->rpath);
    free(elf->runpath);
    list_clear(&elf->needed);
    list_clear(&elf->provides);
    for (size_t i = 0; i < elf->want_count; i++) {
        free(elf->wants[i].file);
        free(elf->wants[i].version);
    }
    free(elf->wants);
    free(elf);
    errno = saved;
}

int elf_version_compare(const char *a, const char *b)
{
    while (*a != '\0' || *b != '\0') {
        char *a_end, *b_end;
        unsigned long left = strtoul(a, &a_end, 10), right = strtoul(b, &b_end, 10);
        if (left != right)
            return left < right ? -1 : 1;
        a = a_end + strcspn(a_end, ".");
        b = b_end + strcspn(b_end, ".");
        a += *a == '.';
        b += *b == '.';
    }
    return 0;
}
