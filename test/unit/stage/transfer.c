/* SPDX-License-Identifier: BSD-3-Clause */
/* transfer.c - supply at home and intakes on hosts, joined by a queue in memory */
#include "config.h"
#include "stage/intake.h"
#include "stage/supply.h"

#include "test/lib/prelude.h"
#include "test/unit/stage/scratch.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define HOSTS     3
#define QUEUE_MAX 4096
#define FILES_MAX 16

struct end { /* one host of the world */
    struct world *world;
    uint32_t number;
    struct store *store;
    struct intake *intake;
    char *dir;
    bool is_done;
    char *error;
    unsigned data_frames;
};

struct world {
    void **state;
    struct supply *supply;
    struct end ends[HOSTS];
    unsigned turns;
    struct {
        Wire__Frame *frame;
        uint32_t host;
        bool is_to_host;
    } queue[QUEUE_MAX];
    size_t queue_head, queue_tail;
    Wire__File files[FILES_MAX], *list[FILES_MAX];
    uint8_t hashes[FILES_MAX][STORE_HASH];
    size_t count;
    Wire__Needs needs;
    Wire__HostInfo host;
    void (*tamper)(Wire__Frame *frame); /* on the way to the host */
};

static void enqueue(struct world *world, uint32_t host, const Wire__Frame *frame, bool is_to_host)
{
    assert_true(world->queue_tail < QUEUE_MAX);
    world->queue[world->queue_tail].frame = message_copy(&frame->base);
    world->queue[world->queue_tail].host = host;
    world->queue[world->queue_tail++].is_to_host = is_to_host;
}

static void supply_sends(void *arg, uint32_t host, const Wire__Frame *frame)
{
    struct world *world = arg;

    enqueue(world, host, frame, true);
    if (frame->body_case == WIRE__FRAME__BODY_STAGE_DATA)
        world->ends[host].data_frames++;
}

static void supply_is_done(void *arg, uint32_t host, const char *error)
{
    struct end *end = &((struct world *)arg)->ends[host];

    assert_false(end->is_done);
    end->is_done = true;
    end->error = mem_string(error);
}

static void intake_sends(void *arg, const Wire__Frame *frame)
{
    struct end *end = arg;

    enqueue(end->world, end->number, frame, false);
}

static void to_host(struct end *end, Wire__Frame *frame)
{
    if (end->world->tamper != NULL)
        end->world->tamper(frame);
    if (frame->body_case == WIRE__FRAME__BODY_STAGE_OFFER)
        intake_offer(end->intake, frame->stage_offer);
    else
        intake_data(end->intake, frame->stage_data);
}

static void to_home(struct world *world, uint32_t host, const Wire__Frame *frame)
{
    if (frame->body_case == WIRE__FRAME__BODY_STAGE_WANT)
        supply_want(world->supply, host, frame->stage_want);
    else if (frame->body_case == WIRE__FRAME__BODY_STAGE_ACK)
        supply_ack(world->supply, host, frame->stage_ack);
    else
        supply_ready(world->supply, host, frame->stage_ready);
}

static bool deliver_one(struct world *world)
{
    assert_true(++world->turns < 100000); /* a loop that waits for what does not come */
    if (world->queue_head == world->queue_tail)
        return false;
    size_t at = world->queue_head++;
    Wire__Frame *frame = world->queue[at].frame;
    if (world->queue[at].is_to_host)
        to_host(&world->ends[world->queue[at].host], frame);
    else
        to_home(world, world->queue[at].host, frame);
    frame_free(frame);
    return true;
}

static void run(struct world *world)
{
    bool is_busy = true;

    while (is_busy) {
        is_busy = deliver_one(world);
        for (size_t i = 0; i < HOSTS; i++)
            if (world->ends[i].intake != NULL)
                is_busy |= intake_work(world->ends[i].intake);
    }
    world->queue_head = world->queue_tail = 0;
}

static void add_end(struct world *world, uint32_t number)
{
    struct end *end = &world->ends[number];
    struct err err = {""};

    char *cache = mem_format("%s/host%u/cache", (const char *)*world->state, number);
    end->dir = mem_format("%s/host%u/job", (const char *)*world->state, number);
    assert_int_equal(file_mkdirs(end->dir, 0700, NULL), 0);
    end->store = store_open(cache, 64u << 20, &err);
    assert_non_null(end->store);
    const struct intake_calls calls = {intake_sends, end};
    end->world = world;
    end->number = number;
    end->intake = intake_create(end->store, "job", end->dir, &world->host, &calls);
    free(cache);
}

static struct world *world_make(void **state)
{
    struct world *world = mem_alloc(sizeof *world);

    world->state = state;
    wire__needs__init(&world->needs);
    wire__host_info__init(&world->host);
    world->host.arch = (char *)"x86_64";
    world->host.glibc = (char *)"2.36";
    world->host.mpi = (char *)"4.1.4";
    for (uint32_t i = 0; i < HOSTS; i++)
        add_end(world, i);
    return world;
}

static void world_destroy(struct world *world)
{
    supply_destroy(world->supply);
    while (world->queue_head < world->queue_tail)
        frame_free(world->queue[world->queue_head++].frame);
    for (size_t i = 0; i < HOSTS; i++) {
        intake_destroy(world->ends[i].intake);
        store_close(world->ends[i].store);
        free(world->ends[i].dir);
        free(world->ends[i].error);
    }
    for (size_t i = 0; i < world->count; i++)
        free(world->files[i].origin);
    free(world);
}

static Wire__File *add_file(struct world *world, Wire__FileKind kind, const char *path,
                            const void *bytes, size_t size)
{
    char *name = mem_format("home/%s", path);
    Wire__File *file = &world->files[world->count];

    wire__file__init(file);
    file->kind = kind;
    file->path = (char *)path;
    file->origin = scratch_write(world->state, name, bytes, size, 0755);
    file->size = size;
    file->mode = 0640;
    scratch_hash(bytes, size, world->hashes[world->count]);
    file->hash.data = world->hashes[world->count];
    file->hash.len = STORE_HASH;
    world->list[world->count++] = file;
    free(name);
    return file;
}

static Wire__File *add_text(struct world *world, Wire__FileKind kind, const char *path,
                            const char *text)
{
    return add_file(world, kind, path, text, strlen(text));
}

static void begin(struct world *world, size_t hosts)
{
    const struct supply_calls calls = {supply_sends, supply_is_done, world};

    world->supply = supply_create("job", world->list, world->count, &world->needs, &calls);
    for (uint32_t i = 0; i < hosts; i++)
        supply_host(world->supply, i);
}

static void assert_file(const struct end *end, const char *name, const void *bytes, size_t size)
{
    size_t got;
    char *path = mem_format("%s/%s", end->dir, name);
    char *content = scratch_read(path, &got);

    assert_non_null(content);
    assert_int_equal(got, size);
    assert_memory_equal(content, bytes, size);
    free(content);
    free(path);
}

static void assert_refused(struct world *world, const char *sentence)
{
    begin(world, 1);
    run(world);
    assert_true(world->ends[0].is_done);
    assert_non_null(world->ends[0].error);
    if (strcmp(world->ends[0].error, sentence) != 0)
        assert_non_null(strstr(world->ends[0].error, sentence));
    assert_int_equal(intake_state(world->ends[0].intake), INTAKE_FAILED);
    world_destroy(world);
}

/* ---------------------------------------------------------------- what works */

static void all_hosts_get_all_files_and_content_travels_once_each(void **state)
{
    enum { BIG = 5 * PIECE_MAX / 2 };
    struct world *world = world_make(state);
    uint8_t *big = mem_alloc(BIG);
    uint64_t done, total;
    struct stat st;

    scratch_fill(big, BIG, 1);
    add_text(world, WIRE__FILE_KIND__FILE_PROGRAM, "hello", "#!/bin/sh\n");
    add_file(world, WIRE__FILE_KIND__FILE_INPUT, "big", big, BIG);
    Wire__File *dir = add_text(world, WIRE__FILE_KIND__FILE_DIR, "mark", "");
    dir->path = (char *)"in/put";
    dir->hash.len = 0;
    dir->size = 0;
    add_text(world, WIRE__FILE_KIND__FILE_INPUT, "in/put/a", "twice");
    add_text(world, WIRE__FILE_KIND__FILE_INPUT, "in/put/b", "twice");
    add_text(world, WIRE__FILE_KIND__FILE_INPUT, "empty", "");
    begin(world, HOSTS);
    run(world);
    for (size_t i = 0; i < HOSTS; i++) {
        const struct end *end = &world->ends[i];
        assert_true(end->is_done);
        assert_null(end->error);
        assert_int_equal(intake_state(end->intake), INTAKE_READY);
        assert_int_equal(end->data_frames, 1 + 3 + 1);
        assert_file(end, "bin/hello", "#!/bin/sh\n", 10);
        assert_file(end, "work/big", big, BIG);
        assert_file(end, "work/in/put/a", "twice", 5);
        assert_file(end, "work/in/put/b", "twice", 5);
        assert_file(end, "work/empty", "", 0);
        char *program = mem_format("%s/bin/hello", end->dir);
        assert_string_equal(intake_program(end->intake), program);
        assert_int_equal(stat(program, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0500);
        free(program);
        assert_false(intake_has_libraries(end->intake));
    }
    assert_true(supply_progress(world->supply, &done, &total));
    assert_int_equal(done, total);
    assert_int_equal(total, HOSTS * (10 + BIG + 5));
    free(big);
    world_destroy(world);
}

static void the_second_job_sends_nothing(void **state)
{
    struct world *world = world_make(state);

    add_text(world, WIRE__FILE_KIND__FILE_INPUT, "a", "content");
    begin(world, 1);
    run(world);
    assert_int_equal(world->ends[0].data_frames, 1);
    world->ends[0].is_done = false;
    supply_host(world->supply, 0); /* as after a broken link, too */
    run(world);
    assert_true(world->ends[0].is_done);
    assert_null(world->ends[0].error);
    assert_int_equal(world->ends[0].data_frames, 1);
    assert_file(&world->ends[0], "work/a", "content", 7);
    world_destroy(world);
}

static void a_rank_that_writes_its_input_does_not_change_the_store(void **state)
{
    struct world *world = world_make(state);

    add_text(world, WIRE__FILE_KIND__FILE_INPUT, "a", "content");
    begin(world, 1);
    run(world);
    char *path = mem_format("%s/work/a", world->ends[0].dir);
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    close(fd);
    free(path);
    world->ends[0].is_done = false;
    supply_host(world->supply, 0);
    run(world);
    assert_file(&world->ends[0], "work/a", "content", 7);
    world_destroy(world);
}

static void the_window_bounds_what_is_on_the_way(void **state)
{
    enum { BIG = 20 * PIECE_MAX };
    struct world *world = world_make(state);
    uint8_t *big = mem_alloc(BIG);

    add_file(world, WIRE__FILE_KIND__FILE_INPUT, "big", big, BIG);
    begin(world, 1);
    while (world->ends[0].data_frames == 0) {
        deliver_one(world);
        intake_work(world->ends[0].intake);
    }
    assert_int_equal(world->ends[0].data_frames, SUPPLY_WINDOW);
    run(world);
    assert_int_equal(world->ends[0].data_frames, 20);
    assert_null(world->ends[0].error);
    free(big);
    world_destroy(world);
}

static void a_link_that_breaks_on_the_way_starts_again(void **state)
{
    enum { BIG = 20 * PIECE_MAX };
    struct world *world = world_make(state);
    uint8_t *big = mem_alloc(BIG);

    scratch_fill(big, BIG, 2);
    add_file(world, WIRE__FILE_KIND__FILE_INPUT, "big", big, BIG);
    begin(world, 1);
    while (world->ends[0].data_frames < 12) {
        deliver_one(world);
        intake_work(world->ends[0].intake);
    }
    while (world->queue_head < world->queue_tail)
        frame_free(world->queue[world->queue_head++].frame); /* lost */
    supply_host(world->supply, 0);
    run(world);
    assert_true(world->ends[0].is_done);
    assert_null(world->ends[0].error);
    assert_file(&world->ends[0], "work/big", big, BIG);
    free(big);
    world_destroy(world);
}

static void a_host_that_left_gets_nothing_more_and_others_go_on(void **state)
{
    enum { BIG = 20 * PIECE_MAX };
    struct world *world = world_make(state);
    uint8_t *big = mem_alloc(BIG);

    add_file(world, WIRE__FILE_KIND__FILE_INPUT, "big", big, BIG);
    begin(world, 2);
    while (world->ends[0].data_frames == 0) {
        deliver_one(world);
        intake_work(world->ends[0].intake);
        intake_work(world->ends[1].intake);
    }
    supply_drop(world->supply, 0);
    run(world);
    assert_false(world->ends[0].is_done);
    assert_true(world->ends[1].is_done);
    assert_int_equal(world->ends[0].data_frames, SUPPLY_WINDOW);
    free(big);
    world_destroy(world);
}

static void a_library_of_the_users_own_is_sent_and_the_systems_is_not(void **state)
{
    struct world *world = world_make(state);
    const struct elf_made made = {.type = ET_DYN, .soname = "libmine.so.1"};
    uint8_t bytes[ELF_MADE_MAX];
    size_t size = elf_make(&made, bytes);

    add_file(world, WIRE__FILE_KIND__FILE_LIBRARY, "libmine.so.1", bytes, size);
    Wire__File *system = add_file(world, WIRE__FILE_KIND__FILE_LIBRARY, "libc.so.6", bytes, size);
    free(system->origin);
    system->origin = mem_string("/usr/lib/somewhere/libc.so.6");
#if !defined __x86_64__ || !defined __linux__
    system->path = (char *)"libmine.so.2";
#endif
    begin(world, 1);
    run(world);
    assert_null(world->ends[0].error);
    assert_true(intake_has_libraries(world->ends[0].intake));
    assert_file(&world->ends[0], "lib/libmine.so.1", bytes, size);
    assert_null(intake_program(world->ends[0].intake));
    world_destroy(world);
}

/* /bin/sh, under its own path: every Linux host has one, and it is readable for all. */
static void the_same_program_at_the_same_path_is_used_in_place(void **state)
{
    struct world *world = world_make(state);
    size_t size;
    char *content = scratch_read("/bin/sh", &size);

    assert_non_null(content);
    Wire__File *file = add_file(world, WIRE__FILE_KIND__FILE_PROGRAM, "sh", content, size);
    free(file->origin);
    file->origin = mem_string("/bin/sh");
    begin(world, 1);
    run(world);
    assert_null(world->ends[0].error);
    assert_int_equal(world->ends[0].data_frames, 0);
    assert_string_equal(intake_program(world->ends[0].intake), "/bin/sh");
    free(content);
    world_destroy(world);
}

/* ---------------------------------------------------------------- what is refused */

static void needs_that_the_host_does_not_meet_are_told(void **state)
{
    static const struct {
        const char *arch, *glibc, *mpi, *interpreter, *sentence;
    } cases[] = {
        {"aarch64", "", "", NULL, "the program is for aarch64, this host is x86_64"},
        {"x86_64", "2.38", "", NULL, "the program needs GLIBC_2.38, this host has 2.36"},
        {"x86_64", "2.36", "5.0", NULL, "the program needs Open MPI 5.0, this host has 4.1.4"},
        {"", "", "", "/no/such/python3",
         "the program needs /no/such/python3, which this host has not"},
        {"", "", "", "no-such-python", "the program needs no-such-python, which this host has not"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *world = world_make(state);
        char *interpreters[] = {(char *)cases[i].interpreter};
        world->needs.arch = (char *)cases[i].arch;
        world->needs.glibc = (char *)cases[i].glibc;
        world->needs.mpi = (char *)cases[i].mpi;
        world->needs.n_interpreters = cases[i].interpreter != NULL;
        world->needs.interpreters = interpreters;
        assert_refused(world, cases[i].sentence);
    }
}

static void needs_that_the_host_meets_are_no_obstacle(void **state)
{
    struct world *world = world_make(state);
    char *interpreters[] = {(char *)"/bin/sh", (char *)"sh"};

    world->needs.arch = (char *)"i686"; /* runs on x86_64 */
    world->needs.glibc = (char *)"2.4";
    world->needs.mpi = (char *)"4.1";
    world->needs.n_interpreters = 2;
    world->needs.interpreters = interpreters;
    begin(world, 1);
    run(world);
    assert_null(world->ends[0].error);
    assert_int_equal(intake_state(world->ends[0].intake), INTAKE_READY);
    world_destroy(world);
}

static void a_host_without_open_mpi_says_so(void **state)
{
    struct world *world = world_make(state);

    intake_destroy(world->ends[0].intake);
    world->host.mpi = (char *)"";
    const struct intake_calls calls = {intake_sends, &world->ends[0]};
    world->ends[0].intake =
        intake_create(world->ends[0].store, "job", world->ends[0].dir, &world->host, &calls);
    world->needs.mpi = (char *)"4.1";
    assert_refused(world, "the program needs Open MPI 4.1, this host has none: install it");
}

static void a_library_that_neither_is_here_nor_can_be_sent_is_named(void **state)
{
    struct world *world = world_make(state);

    Wire__File *file = add_text(world, WIRE__FILE_KIND__FILE_LIBRARY, "libnosuchdriver.so.1", "x");
    file->hash.len = 0;
    assert_refused(world, "the program needs the library libnosuchdriver.so.1, which this host has "
                          "not and which cannot be sent");
}

static void a_library_too_new_for_the_host_is_named(void **state)
{
    struct world *world = world_make(state);

    Wire__File *file = add_text(world, WIRE__FILE_KIND__FILE_LIBRARY, "libnosuch.so.1", "x");
    file->glibc = (char *)"2.41";
    assert_refused(world, "the library libnosuch.so.1, which this host has not and which would be "
                          "sent, needs GLIBC_2.41");
}

static void paths_that_lead_out_are_refused(void **state)
{
    static const struct {
        Wire__FileKind kind;
        const char *path;
    } cases[] = {
        {WIRE__FILE_KIND__FILE_INPUT, "../x"},      {WIRE__FILE_KIND__FILE_INPUT, "/etc/passwd"},
        {WIRE__FILE_KIND__FILE_INPUT, "a/../../x"}, {WIRE__FILE_KIND__FILE_INPUT, ""},
        {WIRE__FILE_KIND__FILE_PROGRAM, "a/b"},     {WIRE__FILE_KIND__FILE_LIBRARY, "../lib"},
        {WIRE__FILE_KIND__FILE_LIBRARY, ".."},      {WIRE__FILE_KIND__FILE_INPUT, "a\nb"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *world = world_make(state);
        Wire__File *file = add_text(world, cases[i].kind, "x", "x");
        file->path = (char *)cases[i].path;
        assert_refused(world, "a path that leads out of the job's directory");
    }
}

static void two_files_in_one_place_are_refused(void **state)
{
    struct world *world = world_make(state);

    add_text(world, WIRE__FILE_KIND__FILE_INPUT, "a", "one");
    add_text(world, WIRE__FILE_KIND__FILE_INPUT, "b", "two");
    world->list[1]->path = (char *)"a/b"; /* a is a file */
    assert_refused(world, "cannot put a/b into the job's directory");
}

static void flip_a_bit(Wire__Frame *frame)
{
    if (frame->body_case != WIRE__FRAME__BODY_STAGE_DATA)
        return;
    uint8_t *plain = mem_alloc(PIECE_MAX), *packed = mem_alloc(2 * PIECE_MAX);
    size_t size = ZSTD_decompress(plain, PIECE_MAX, frame->stage_data->data.data,
                                  frame->stage_data->data.len);
    plain[0] ^= 1;
    size = ZSTD_compress(packed, 2 * PIECE_MAX, plain, size, 1);
    assert_false(ZSTD_isError(size));
    free(frame->stage_data->data.data);
    frame->stage_data->data.data = packed;
    frame->stage_data->data.len = size;
    free(plain);
}

static void a_changed_bit_is_noticed(void **state)
{
    struct world *world = world_make(state);

    world->tamper = flip_a_bit;
    add_text(world, WIRE__FILE_KIND__FILE_INPUT, "a", "some content");
    assert_refused(
        world, "its content is not what was announced; it changed meanwhile: run the job again");
}

static void spoil(Wire__Frame *frame)
{
    if (frame->body_case == WIRE__FRAME__BODY_STAGE_DATA)
        frame->stage_data->data.len /= 2;
}

static void a_piece_that_is_no_zstd_frame_is_refused(void **state)
{
    struct world *world = world_make(state);

    world->tamper = spoil;
    add_text(world, WIRE__FILE_KIND__FILE_INPUT, "a", "some content");
    assert_refused(world, "a piece came that cannot be unpacked or has a wrong length");
}

/* 256 MiB of zeros in some thousand bytes. */
static void make_a_bomb(Wire__Frame *frame)
{
    enum { ROOM = 1 << 20 };
    static char zeros[1 << 16];

    if (frame->body_case != WIRE__FRAME__BODY_STAGE_DATA)
        return;
    uint8_t *packed = mem_alloc(ROOM);
    ZSTD_outBuffer out = {packed, ROOM, 0};
    ZSTD_CCtx *compressor = ZSTD_createCCtx();
    for (unsigned i = 0; i < (1u << 28) / sizeof zeros; i++) {
        ZSTD_inBuffer in = {zeros, sizeof zeros, 0};
        assert_false(ZSTD_isError(ZSTD_compressStream2(compressor, &out, &in, ZSTD_e_continue)));
    }
    ZSTD_inBuffer none = {NULL, 0, 0};
    assert_int_equal(ZSTD_compressStream2(compressor, &out, &none, ZSTD_e_end), 0);
    ZSTD_freeCCtx(compressor);
    free(frame->stage_data->data.data);
    frame->stage_data->data.data = packed;
    frame->stage_data->data.len = out.pos;
}

static void a_bomb_does_not_go_off(void **state)
{
    struct world *world = world_make(state);

    world->tamper = make_a_bomb;
    add_text(world, WIRE__FILE_KIND__FILE_INPUT, "a", "some content");
    assert_refused(world, "a piece came that cannot be unpacked or has a wrong length");
}

static void shift(Wire__Frame *frame)
{
    if (frame->body_case == WIRE__FRAME__BODY_STAGE_DATA)
        frame->stage_data->offset += PIECE_MAX;
}

static void pieces_in_the_wrong_order_are_refused(void **state)
{
    struct world *world = world_make(state);

    world->tamper = shift;
    add_text(world, WIRE__FILE_KIND__FILE_INPUT, "a", "some content");
    assert_refused(world, "pieces came in the wrong order");
}

static void content_that_nobody_asked_for_is_refused(void **state)
{
    struct world *world = world_make(state);
    Wire__StageData data = WIRE__STAGE_DATA__INIT;
    uint8_t other[STORE_HASH] = {1};

    add_text(world, WIRE__FILE_KIND__FILE_INPUT, "a", "x");
    begin(world, 1);
    while (intake_state(world->ends[0].intake) != INTAKE_TAKING) {
        deliver_one(world);
        intake_work(world->ends[0].intake);
    }
    data.hash.data = other;
    data.hash.len = sizeof other;
    intake_data(world->ends[0].intake, &data);
    assert_int_equal(intake_state(world->ends[0].intake), INTAKE_FAILED);
    world_destroy(world);
}

static void a_file_that_changed_at_home_is_named(void **state)
{
    struct world *world = world_make(state);

    add_text(world, WIRE__FILE_KIND__FILE_INPUT, "a", "some content");
    free(scratch_text(state, "home/a", "other and longer content"));
    begin(world, 1);
    run(world);
    assert_non_null(strstr(world->ends[0].error, "home/a changed after the job was submitted"));
    world_destroy(world);
}

static void a_file_that_is_gone_at_home_is_named(void **state)
{
    struct world *world = world_make(state);

    add_text(world, WIRE__FILE_KIND__FILE_INPUT, "a", "some content");
    assert_int_equal(unlink(world->files[0].origin), 0);
    begin(world, 1);
    run(world);
    assert_non_null(strstr(world->ends[0].error, "cannot read "));
    world_destroy(world);
}

static void a_file_beyond_the_stores_limit_is_refused(void **state)
{
    struct world *world = world_make(state);

    Wire__File *file = add_text(world, WIRE__FILE_KIND__FILE_INPUT, "a", "x");
    file->size = 65u << 20;
    assert_int_equal(truncate(file->origin, 65 << 20), 0);
    assert_refused(world, "no room for 68157440 bytes in the store of 64 MiB");
}

static void a_host_cannot_ask_for_other_files_or_acknowledge_the_unsent(void **state)
{
    struct world *world = world_make(state);
    Wire__StageWant want = WIRE__STAGE_WANT__INIT;
    Wire__StageAck ack = WIRE__STAGE_ACK__INIT;
    uint8_t other[STORE_HASH] = {1};
    ProtobufCBinaryData hash = {sizeof other, other};

    add_text(world, WIRE__FILE_KIND__FILE_INPUT, "a", "x");
    begin(world, 2);
    want.hashes = &hash;
    want.n_hashes = 1;
    supply_want(world->supply, 0, &want);
    assert_string_equal(world->ends[0].error, "it asked for files that were not offered");
    hash = world->files[0].hash;
    supply_want(world->supply, 1, &want);
    ack.hash = hash;
    ack.offset = 2;
    supply_ack(world->supply, 1, &ack);
    assert_string_equal(world->ends[1].error, "it acknowledged what was not sent");
    world_destroy(world);
}

/* Without a host: pieces are looked at and acknowledged by hand. */
static void offsets_beyond_four_gigabytes_are_right(void **state)
{
    const uint64_t size = (UINT64_C(5) << 30) + 12345;
    struct world *world = world_make(state);
    Wire__StageWant want = WIRE__STAGE_WANT__INIT;
    Wire__StageAck ack = WIRE__STAGE_ACK__INIT;
    Wire__StageReady ready = WIRE__STAGE_READY__INIT;
    uint64_t expected = 0;

    Wire__File *file = add_text(world, WIRE__FILE_KIND__FILE_INPUT, "huge", "x");
    int huge = memfd_create("huge", MFD_CLOEXEC); /* reading a hole costs nothing there */
    assert_int_equal(ftruncate(huge, (off_t)size), 0);
    free(file->origin);
    file->origin = mem_format("/proc/self/fd/%d", huge);
    file->size = size;
    begin(world, 1);
    want.hashes = &file->hash;
    want.n_hashes = 1;
    supply_want(world->supply, 0, &want);
    ack.hash = file->hash;
    while (expected < size) {
        const Wire__Frame *frame = world->queue[world->queue_head].frame;
        if (frame->body_case == WIRE__FRAME__BODY_STAGE_DATA) {
            uint64_t left = size - expected, length = left < PIECE_MAX ? left : PIECE_MAX;
            assert_int_equal(frame->stage_data->offset, expected);
            assert_int_equal(frame->stage_data->last, left == length);
            expected += length;
            ack.offset = expected;
        }
        frame_free(world->queue[world->queue_head++].frame);
        if (ack.offset != 0)
            supply_ack(world->supply, 0, &ack);
        if (world->queue_head == world->queue_tail)
            world->queue_head = world->queue_tail = 0;
        else if (world->queue_tail > QUEUE_MAX / 2) {
            size_t count = world->queue_tail - world->queue_head;
            memmove(world->queue, world->queue + world->queue_head, count * sizeof *world->queue);
            world->queue_head = 0;
            world->queue_tail = count;
        }
    }
    supply_ready(world->supply, 0, &ready);
    assert_true(world->ends[0].is_done);
    assert_null(world->ends[0].error);
    close(huge);
    world_destroy(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
UNIT_MAIN(TEST(all_hosts_get_all_files_and_content_travels_once_each),
          TEST(the_second_job_sends_nothing),
          TEST(a_rank_that_writes_its_input_does_not_change_the_store),
          TEST(the_window_bounds_what_is_on_the_way),
          TEST(a_link_that_breaks_on_the_way_starts_again),
          TEST(a_host_that_left_gets_nothing_more_and_others_go_on),
          TEST(a_library_of_the_users_own_is_sent_and_the_systems_is_not),
          TEST(the_same_program_at_the_same_path_is_used_in_place),
          TEST(needs_that_the_host_does_not_meet_are_told),
          TEST(needs_that_the_host_meets_are_no_obstacle), TEST(a_host_without_open_mpi_says_so),
          TEST(a_library_that_neither_is_here_nor_can_be_sent_is_named),
          TEST(a_library_too_new_for_the_host_is_named), TEST(paths_that_lead_out_are_refused),
          TEST(two_files_in_one_place_are_refused), TEST(a_changed_bit_is_noticed),
          TEST(a_piece_that_is_no_zstd_frame_is_refused), TEST(a_bomb_does_not_go_off),
          TEST(pieces_in_the_wrong_order_are_refused),
          TEST(content_that_nobody_asked_for_is_refused),
          TEST(a_file_that_changed_at_home_is_named), TEST(a_file_that_is_gone_at_home_is_named),
          TEST(a_file_beyond_the_stores_limit_is_refused),
          TEST(a_host_cannot_ask_for_other_files_or_acknowledge_the_unsent),
          TEST(offsets_beyond_four_gigabytes_are_right))
