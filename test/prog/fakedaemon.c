/* SPDX-License-Identifier: BSD-3-Clause */
/* fakedaemon.c - p2pmpid as the tools see it, played from a script: what it should say, and when
 *
 * fakedaemon SOCKET SCRIPT: listens, then for each line of the script:
 *   accept             the next connection (Hello is exchanged)
 *   expect NAME        reads frames until one of that name ("job_submit") has come; others are
 * dropped status | peers N | jobs N | halting N | accepted | map N | run | result CODE [TEXT] |
 * error TEXT | warning TEXT       says so out RANK STREAM TEXT   output of a rank; "\n" stands for
 * a new line bulk RANK BYTES    much output, at most 1 MiB of it not acknowledged show prints what
 * was expected last: argv, env, input, signal close              closes the connection */
#include "config.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WINDOW (1u << 20)
#define PIECE  65536u

struct fake {
    int listener, link;
    Wire__Frame *last;
    uint64_t acked;
    uint64_t offsets[64][2]; /* [rank][stream - 1] */
};

static void die(const char *what)
{
    fprintf(stderr, "fakedaemon: %s\n", what);
    exit(1);
}

static void read_all(int fd, void *to, size_t size)
{
    for (size_t used = 0; used < size;) {
        ssize_t got = read(fd, (char *)to + used, size - used);
        if (got <= 0)
            die("the tool has gone");
        used += (size_t)got;
    }
}

static void say(struct fake *fake, Wire__Frame__BodyCase what, void *body)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    size_t size, done = 0;

    frame.re = fake->last != NULL ? fake->last->id : 0;
    frame.body_case = what;
    frame.hello = body; /* a union of pointers */
    uint8_t *bytes = frame_pack(&frame, &size);
    while (done < size) {
        ssize_t part = send(fake->link, bytes + done, size - done, MSG_NOSIGNAL);
        if (part < 0)
            die("the tool does not listen");
        done += (size_t)part;
    }
    free(bytes);
}

static Wire__Frame *hear(struct fake *fake)
{
    uint8_t head[FRAME_HEAD];

    read_all(fake->link, head, sizeof head);
    int64_t size = frame_length(head);
    if (size < 0)
        die("a frame of impossible length");
    uint8_t *bytes = mem_alloc((size_t)size);
    read_all(fake->link, bytes, (size_t)size);
    Wire__Frame *frame = frame_unpack(bytes, (size_t)size, NULL);
    free(bytes);
    if (frame == NULL)
        die("a frame that cannot be read");
    if (frame->body_case == WIRE__FRAME__BODY_JOB_OUTPUT_ACK)
        fake->acked = frame->job_output_ack->bytes;
    return frame;
}

static void do_expect(struct fake *fake, const char *name)
{
    for (;;) {
        frame_free(fake->last);
        fake->last = hear(fake);
        if (strcmp(frame_name(fake->last), name) == 0)
            return;
    }
}

static void do_accept(struct fake *fake, const char *unused)
{
    Wire__Hello hello = WIRE__HELLO__INIT;

    (void)unused;
    fake->link = accept(fake->listener, NULL, NULL);
    hello.protocol = PROTOCOL_VERSION;
    hello.version = (char *)PACKAGE_VERSION;
    hello.program = (char *)"p2pmpid";
    say(fake, WIRE__FRAME__BODY_HELLO, &hello);
    do_expect(fake, "hello");
}

static void do_peers(struct fake *fake, const char *count)
{
    Wire__Answer answer = WIRE__ANSWER__INIT;
    Wire__ListEnd end = WIRE__LIST_END__INIT;

    for (int i = 1; i <= atoi(count); i++) {
        Wire__Peer peer = WIRE__PEER__INIT, *list = &peer;
        Wire__Addr addr = WIRE__ADDR__INIT, *addrs = &addr;
        Wire__LoadInfo load = WIRE__LOAD_INFO__INIT;
        Wire__HostInfo host = WIRE__HOST_INFO__INIT;
        uint8_t id[32] = {(uint8_t)i};
        peer.id = (ProtobufCBinaryData){sizeof id, id};
        peer.name = mem_format("peer%d", i);
        addr.host = mem_format("10.0.0.%d", i);
        addr.port = 9740;
        peer.n_addrs = 1;
        peer.addrs = &addrs;
        peer.rtt_us = (uint32_t)(10000 - i);
        peer.alive = i != 2;
        load.slots = 4;
        load.slots_free = (uint32_t)i;
        load.load_milli = 250;
        host.memory = 8ull << 30;
        host.arch = (char *)"x86_64";
        host.mpi = (char *)"4.1.4";
        peer.load = &load;
        peer.host = &host;
        answer.n_peers = 1;
        answer.peers = &list;
        say(fake, WIRE__FRAME__BODY_ANSWER, &answer);
        free(peer.name);
        free(addr.host);
    }
    say(fake, WIRE__FRAME__BODY_LIST_END, &end);
}

static void do_status(struct fake *fake, const char *unused)
{
    Wire__Status status = WIRE__STATUS__INIT;
    Wire__Peer self = WIRE__PEER__INIT;

    (void)unused;
    self.name = (char *)"here";
    status.self = &self;
    status.grid = (char *)"lab";
    status.supernodes = status.supernodes_up = 1;
    status.pid = (uint32_t)getpid();
    say(fake, WIRE__FRAME__BODY_STATUS, &status);
}

static void do_jobs(struct fake *fake, const char *count)
{
    Wire__Jobs jobs = WIRE__JOBS__INIT;
    Wire__JobInfo job = WIRE__JOB_INFO__INIT, *list = &job;

    job.job = (char *)"0123456789abcdef0123456789abcdef";
    job.command = (char *)"./app --with arguments";
    job.state = (char *)"running";
    job.role = (char *)"home";
    job.owner = (char *)"here";
    job.ranks = 4;
    job.hosts = 2;
    jobs.n_jobs = atoi(count) > 0 ? 1 : 0;
    jobs.jobs = &list;
    say(fake, WIRE__FRAME__BODY_JOBS, &jobs);
}

static void do_halting(struct fake *fake, const char *count)
{
    Wire__Halting halting = WIRE__HALTING__INIT;

    halting.jobs = (uint32_t)atoi(count);
    say(fake, WIRE__FRAME__BODY_HALTING, &halting);
}

static void do_accepted(struct fake *fake, const char *unused)
{
    Wire__JobAccepted accepted = WIRE__JOB_ACCEPTED__INIT;

    (void)unused;
    say(fake, WIRE__FRAME__BODY_JOB_ACCEPTED, &accepted);
}

static void do_map(struct fake *fake, const char *ranks)
{
    Wire__JobMap map = WIRE__JOB_MAP__INIT;
    Wire__JobSpec spec = WIRE__JOB_SPEC__INIT;
    Wire__JobHost host = WIRE__JOB_HOST__INIT, *hosts = &host;
    Wire__Peer peer = WIRE__PEER__INIT;
    uint32_t rank_host[64] = {0};

    peer.name = (char *)"here";
    host.peer = &peer;
    host.ranks = spec.ranks = (uint32_t)atoi(ranks) % 64;
    spec.n_hosts = 1;
    spec.hosts = &hosts;
    spec.n_rank_host = spec.ranks;
    spec.rank_host = rank_host;
    map.spec = &spec;
    say(fake, WIRE__FRAME__BODY_JOB_MAP, &map);
}

static void do_run(struct fake *fake, const char *unused)
{
    Wire__JobProgress progress = WIRE__JOB_PROGRESS__INIT;

    (void)unused;
    progress.phase = WIRE__PHASE__PHASE_RUN;
    say(fake, WIRE__FRAME__BODY_JOB_PROGRESS, &progress);
}

static void do_result(struct fake *fake, const char *words)
{
    Wire__JobResult result = WIRE__JOB_RESULT__INIT;
    char *text;

    result.exit_code = (uint32_t)strtoul(words, &text, 10);
    result.text = text + strspn(text, " ");
    say(fake, WIRE__FRAME__BODY_JOB_RESULT, &result);
}

static void do_error(struct fake *fake, const char *text)
{
    Wire__Error error = WIRE__ERROR__INIT;

    error.code = WIRE__CODE__ERR_FAILED;
    error.text = (char *)text;
    say(fake, WIRE__FRAME__BODY_ERROR, &error);
}

static void do_warning(struct fake *fake, const char *text)
{
    Wire__JobWarning warning = WIRE__JOB_WARNING__INIT;

    warning.text = (char *)text;
    say(fake, WIRE__FRAME__BODY_JOB_WARNING, &warning);
}

static void send_output(struct fake *fake, unsigned rank, unsigned stream, const char *data,
                        size_t size)
{
    Wire__JobOutput message = WIRE__JOB_OUTPUT__INIT;
    Wire__Output output = WIRE__OUTPUT__INIT;

    output.rank = rank;
    output.stream = stream;
    output.offset = fake->offsets[rank % 64][stream % 2];
    output.data = (ProtobufCBinaryData){size, (uint8_t *)data};
    message.output = &output;
    say(fake, WIRE__FRAME__BODY_JOB_OUTPUT, &message);
    fake->offsets[rank % 64][stream % 2] += size;
}

static void do_out(struct fake *fake, const char *words)
{
    char *text;
    unsigned rank = (unsigned)strtoul(words, &text, 10),
             stream = (unsigned)strtoul(text, &text, 10);
    char *copy = mem_string(text + strspn(text, " "));
    size_t size = 0;

    for (char *from = copy; *from != '\0'; from++)
        copy[size++] = from[0] == '\\' && from[1] == 'n' ? (from++, '\n') : *from;
    send_output(fake, rank, stream, copy, size);
    free(copy);
}

static void do_bulk(struct fake *fake, const char *words)
{
    static char piece[PIECE];
    char *text;
    unsigned rank = (unsigned)strtoul(words, &text, 10);
    uint64_t all = strtoull(text, NULL, 10), sent = 0, base = fake->acked;

    memset(piece, 'x', sizeof piece);
    while (sent < all) {
        if (sent - (fake->acked - base) + PIECE > WINDOW) {
            frame_free(hear(fake));
            continue;
        }
        send_output(fake, rank, 1, piece, all - sent < PIECE ? (size_t)(all - sent) : PIECE);
        sent += all - sent < PIECE ? all - sent : PIECE;
    }
}

static void do_show(struct fake *fake, const char *unused)
{
    const Wire__Frame *frame = fake->last;

    (void)unused;
    if (frame->body_case == WIRE__FRAME__BODY_JOB_SUBMIT) {
        const Wire__JobSubmit *submit = frame->job_submit;
        printf("ranks %u\n", submit->ranks);
        for (size_t i = 0; i < submit->n_argv; i++)
            printf("argv %s\n", submit->argv[i]);
        for (size_t i = 0; i < submit->n_env; i++)
            printf("env %s=%s\n", submit->env[i]->name, submit->env[i]->value);
        for (size_t i = 0; i < submit->n_files; i++)
            printf("file %s\n", submit->files[i]->path);
    } else if (frame->body_case == WIRE__FRAME__BODY_JOB_INPUT) {
        const Wire__Input *input = frame->job_input->input;
        printf("input %.*s\n", (int)input->data.len, (const char *)input->data.data);
    } else if (frame->body_case == WIRE__FRAME__BODY_JOB_SIGNAL) {
        printf("signal %u\n", frame->job_signal->number);
    }
    fflush(stdout);
}

static void do_close(struct fake *fake, const char *unused)
{
    (void)unused;
    close(fake->link);
}

static const struct {
    const char *name;
    void (*verb)(struct fake *fake, const char *rest);
} verbs[] = {{"accept", do_accept},     {"expect", do_expect}, {"status", do_status},
             {"peers", do_peers},       {"jobs", do_jobs},     {"halting", do_halting},
             {"accepted", do_accepted}, {"map", do_map},       {"run", do_run},
             {"result", do_result},     {"error", do_error},   {"warning", do_warning},
             {"out", do_out},           {"bulk", do_bulk},     {"show", do_show},
             {"close", do_close}};

static void play(struct fake *fake, char *line)
{
    char *rest = line + strcspn(line, " \n");

    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '\0')
        return;
    if (*rest == ' ')
        *rest++ = '\0';
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, line) == 0) {
            verbs[i].verb(fake, rest);
            return;
        }
    die(line);
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct fake fake = {.link = -1};
    char line[1024];

    if (argc != 3)
        die("usage: fakedaemon SOCKET SCRIPT");
    snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
    fake.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fake.listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(fake.listener, 8) < 0)
        die("cannot listen");
    FILE *script = fopen(argv[2], "r");
    if (script == NULL)
        die("cannot read the script");
    while (fgets(line, sizeof line, script) != NULL)
        play(&fake, line);
    fclose(script);
    frame_free(fake.last);
    return 0;
}
