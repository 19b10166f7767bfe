/* SPDX-License-Identifier: BSD-3-Clause */
/* stepdrive.c - runs a job on p2pmpi-stepd alone: plays p2pmpid of each host and the job's home
 *
 * usage: stepdrive [options] PROGRAM [ARGUMENT]...
 *   -n RANKS -H HOSTS   ranks, dealt round robin to so many steps on this machine (1)
 *   -k                  keep going after a rank's death
 *   -g                  as on a grid: clean environment, ranks in the job's directory
 *   -r MS               rejoin time (2000)
 *   -x NAME=VALUE       a variable of the ranks
 *   -i TEXT             standard input of rank 0
 *   -d DIR              job directories below DIR, which exists and stays
 *   -o TEXT=ACTION      when TEXT stands in the output, once: cut (links broken, again there 200 ms
 * later), home (the home forgets all and starts anew), lose (links broken for good), killstep (the
 * last host's step is killed), kill (its keeper too), end (StepEnd), signal:NUMBER -v tell what
 * happens Exit code: as p2pmpirun's would be. */
#include "config.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "job/chan.h"
#include "net/link.h"
#include "test/lib/dustbin.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HOSTS_MAX 16

struct drive;

struct host {
    struct drive *drive;
    unsigned number;
    char *dir, *socket;
    pid_t pid;      /* of the keeper; 0: gone */
    pid_t step_pid; /* as StepStarted tells */
    struct link *link;
    bool is_started, is_done, was_sent_end, is_restarting;
    uint64_t out_offset[256][3]; /* by rank, stream: what has been written */
};

struct drive {
    struct event_base *base;
    Wire__JobSpec *spec;
    struct host hosts[HOSTS_MAX];
    unsigned host_count, started;
    struct chan *chan;
    struct event *tick, *reconnect, *give_up;
    const char *step_path, *input, *trigger, *action;
    char *top;
    pid_t tool;
    bool has_tool, keeps_going, is_verbose, is_ending, is_fired, has_lost, is_home_dead;
    int exit_code;
    int64_t start_us;
    char seen[8192];
    size_t seen_size;
};

static void tell(struct drive *drive, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void tell(struct drive *drive, const char *format, ...)
{
    va_list args;

    if (!drive->is_verbose)
        return;
    fprintf(stderr, "[%6.1f] ", (double)(clock_now_us() - drive->start_us) / 1000);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static void connect_host(struct host *host);

/* ---- the home's channels */

static void arm(struct drive *drive)
{
    int wait_ms = chan_next(drive->chan, clock_now_ms());
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};

    if (wait_ms >= 0)
        event_add(drive->tick, &wait);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct drive *drive = arg;

    (void)fd;
    (void)what;
    chan_tick(drive->chan, clock_now_ms());
    arm(drive);
}

static void send_step(struct drive *drive, int host, Wire__Step *message)
{
    struct err err;

    if (chan_send(drive->chan, host, message, clock_now_ms(), &err) != 0)
        tell(drive, "not sent: %s", err.text);
    arm(drive);
}

/* A Route frame goes to the home or to a host's step. */
static void forward(struct drive *drive, const Wire__Route *route)
{
    Wire__Frame frame = WIRE__FRAME__INIT;

    if (route->dst == HOME_HOST) {
        if (!drive->is_home_dead)
            chan_receive(drive->chan, route, clock_now_ms());
        arm(drive);
        return;
    }
    if (route->dst < 0 || route->dst >= (int)drive->host_count ||
        drive->hosts[route->dst].link == NULL)
        return;
    frame.body_case = WIRE__FRAME__BODY_ROUTE;
    frame.route = (Wire__Route *)(uintptr_t)route;
    link_send(drive->hosts[route->dst].link, &frame);
}

static void chan_out(void *arg, const Wire__Route *route)
{
    forward(arg, route);
}

static void end_all(struct drive *drive)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StepEnd end = WIRE__STEP_END__INIT;

    drive->is_ending = true;
    frame.body_case = WIRE__FRAME__BODY_STEP_END;
    frame.step_end = &end;
    end.kill = true;
    for (unsigned i = 0; i < drive->host_count; i++) {
        struct host *host = &drive->hosts[i];

        if (host->was_sent_end || host->link == NULL)
            continue;
        host->was_sent_end = true;
        link_send(host->link, &frame);
    }
}

static void set_exit_code(struct drive *drive, int code)
{
    if (drive->exit_code != 0) /* what follows is its consequence: others miss the dead rank */
        return;
    drive->exit_code = code;
}

static void rank_ended(struct drive *drive, const Wire__RankExit *exit)
{
    bool is_bad = exit->code != 0 || exit->signal != 0 || (exit->was_init && !exit->finalized);

    tell(drive, "rank %u: code %u signal %u init %d finalized %d %s", exit->rank, exit->code,
         exit->signal, exit->was_init, exit->finalized, exit->reason);
    if (!is_bad || drive->is_ending)
        return;
    set_exit_code(drive, exit->signal != 0 ? 128 + (int)exit->signal
                         : exit->code != 0 ? (int)exit->code
                                           : 1);
    if (!drive->keeps_going)
        end_all(drive);
}

static void do_action(struct drive *drive, const char *action);

static void look_for_trigger(struct drive *drive, const uint8_t *data, size_t size)
{
    if (drive->trigger == NULL || drive->is_fired)
        return;
    if (size > sizeof drive->seen - 1 - drive->seen_size)
        drive->seen_size = 0;
    if (size > sizeof drive->seen - 1)
        size = sizeof drive->seen - 1;
    memcpy(drive->seen + drive->seen_size, data, size);
    drive->seen_size += size;
    drive->seen[drive->seen_size] = '\0';
    if (strstr(drive->seen, drive->trigger) == NULL)
        return;
    drive->is_fired = true;
    do_action(drive, drive->action);
}

static void output(struct drive *drive, struct host *host, const Wire__Output *output)
{
    Wire__Step message = WIRE__STEP__INIT;
    Wire__OutputAck ack = WIRE__OUTPUT_ACK__INIT;
    uint64_t *known = &host->out_offset[output->rank & 255][output->stream % 3];

    if (output->offset + output->data.len <= *known)
        return;
    if (output->offset != *known)
        fprintf(stderr, "stepdrive: output of rank %u: a hole\n", output->rank);
    *known = output->offset + output->data.len;
    fwrite(output->data.data, 1, output->data.len, output->stream == 2 ? stderr : stdout);
    fflush(stdout);
    ack.rank = output->rank;
    ack.stream = output->stream;
    ack.bytes = *known;
    message.body_case = WIRE__STEP__BODY_OUTPUT_ACK;
    message.output_ack = &ack;
    send_step(drive, (int)host->number, &message);
    look_for_trigger(drive, output->data.data, output->data.len);
}

static void state_heard(struct drive *drive, struct host *host, const Wire__StepState *state)
{
    if (!state->all_done)
        return;
    tell(drive, "host %u is done", host->number);
    host->is_done = true;
    for (unsigned i = 0; i < drive->host_count; i++)
        if (!drive->hosts[i].is_done)
            return;
    end_all(drive);
}

static void chan_in(void *arg, int src, const Wire__Step *message)
{
    struct drive *drive = arg;
    struct host *host = &drive->hosts[src];

    switch (message->body_case) {
    case WIRE__STEP__BODY_OUTPUT:
        output(drive, host, message->output);
        break;
    case WIRE__STEP__BODY_RANK_EXIT:
        rank_ended(drive, message->rank_exit);
        break;
    case WIRE__STEP__BODY_STATE:
        state_heard(drive, host, message->state);
        break;
    case WIRE__STEP__BODY_ABORT:
        tell(drive, "rank %u aborts: %d %s", message->abort->rank, message->abort->status,
             message->abort->text);
        set_exit_code(drive, message->abort->status & 255);
        end_all(drive);
        break;
    case WIRE__STEP__BODY_LOG:
        fprintf(stderr, "%s", message->log->text);
        break;
    case WIRE__STEP__BODY_INPUT_ACK:
        tell(drive, "input taken: %llu", (unsigned long long)message->input_ack->bytes);
        break;
    default:
        tell(drive, "message %d", (int)message->body_case);
    }
}

static void chan_broken(void *arg, int peer, const char *why)
{
    tell(arg, "channel to %d broken: %s", peer, why);
}

static void chan_open(struct drive *drive)
{
    static const struct chan_ops ops = {chan_out, chan_in, NULL, chan_broken};
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    drive->chan =
        chan_create(drive->spec->job, HOME_HOST, drive->host_count,
                    (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000, &ops, drive);
}

static void send_input(struct drive *drive)
{
    Wire__Step message = WIRE__STEP__INIT;
    Wire__Input input = WIRE__INPUT__INIT;

    if (drive->input != NULL) {
        input.data.data = (uint8_t *)(uintptr_t)drive->input;
        input.data.len = strlen(drive->input);
    }
    input.end = true;
    message.body_case = WIRE__STEP__BODY_INPUT;
    message.input = &input;
    send_step(drive, (int)drive->spec->rank_host[0], &message);
}

/* ---- what goes wrong on purpose */

static void on_reconnect(evutil_socket_t fd, short what, void *arg)
{
    struct drive *drive = arg;

    (void)fd;
    (void)what;
    for (unsigned i = 0; i < drive->host_count; i++)
        connect_host(&drive->hosts[i]);
}

static void cut_links(struct drive *drive)
{
    for (unsigned i = 0; i < drive->host_count; i++) {
        link_destroy(drive->hosts[i].link);
        drive->hosts[i].link = NULL;
    }
}

static void forget_home(evutil_socket_t fd, short what, void *arg)
{
    struct drive *drive = arg;

    (void)fd;
    (void)what;
    chan_destroy(drive->chan);
    chan_open(drive);
    drive->is_home_dead = false;
    for (unsigned i = 0; i < drive->host_count; i++)
        chan_route_up(drive->chan, (int)i, clock_now_ms());
    arm(drive);
}

static void do_action(struct drive *drive, const char *action)
{
    struct host *last = &drive->hosts[drive->host_count - 1];
    const struct timeval soon = {.tv_usec = 200000};
    Wire__Step message = WIRE__STEP__INIT;
    Wire__Signal number = WIRE__SIGNAL__INIT;

    tell(drive, "action: %s", action);
    if (strcmp(action, "cut") == 0) {
        drive->is_fired = true;
        cut_links(drive);
        event_add(drive->reconnect, &soon);
    } else if (strcmp(action, "home") == 0) {
        drive->is_home_dead = true;
        event_base_once(drive->base, -1, EV_TIMEOUT, forget_home, drive, &soon);
    } else if (strcmp(action, "lose") == 0) {
        drive->has_lost = true;
        cut_links(drive);
    } else if (strcmp(action, "killstep") == 0) {
        drive->has_lost = true;
        kill(last->step_pid, SIGKILL);
    } else if (strcmp(action, "kill") == 0) {
        drive->has_lost = true;
        kill(last->pid, SIGKILL);
    } else if (strcmp(action, "end") == 0) {
        end_all(drive);
    } else if (strncmp(action, "signal:", 7) == 0) {
        number.number = (uint32_t)atoi(action + 7);
        message.body_case = WIRE__STEP__BODY_SIGNAL;
        message.signal = &number;
        for (unsigned i = 0; i < drive->host_count; i++)
            send_step(drive, (int)i, &message);
    }
}

/* ---- p2pmpid's part */

static void send_start(struct host *host)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StepStart start = WIRE__STEP_START__INIT;

    start.spec = host->drive->spec;
    start.host = host->number;
    start.dir = host->dir;
    start.address = (char *)(uintptr_t) "127.0.0.1";
    frame.body_case = WIRE__FRAME__BODY_STEP_START;
    frame.step_start = &start;
    link_send(host->link, &frame);
}

static void answer_peers(struct host *host, const Wire__Frame *question)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Answer answer = WIRE__ANSWER__INIT;
    Wire__Peer peers[2] = {WIRE__PEER__INIT, WIRE__PEER__INIT};
    Wire__Peer *list[2] = {&peers[0], &peers[1]};

    peers[0].name = (char *)(uintptr_t) "apple";
    peers[0].rtt_us = 120;
    peers[1].name = (char *)(uintptr_t) "pear";
    answer.peers = list;
    answer.n_peers = 2;
    answer.total = 2;
    frame.body_case = WIRE__FRAME__BODY_ANSWER;
    frame.answer = &answer;
    link_answer(host->link, question, &frame);
}

static void send_tools(struct host *host)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StepTools tools = WIRE__STEP_TOOLS__INIT;
    char *file = mem_format("%s/tools-copy", host->dir);

    tools.dir = host->dir;
    tools.report_file = file;
    frame.body_case = WIRE__FRAME__BODY_STEP_TOOLS;
    frame.step_tools = &tools;
    link_send(host->link, &frame);
    free(file);
}

static void start_tool(struct host *host)
{
    struct drive *drive = host->drive;
    char *file = mem_format("%s/tools-copy", host->dir);

    drive->tool = fork();
    if (drive->tool == 0) {
        setenv("STEPDRIVE_TOOLS", file, 1);
        execvp(drive->spec->argv[0], drive->spec->argv);
        _exit(127);
    }
    free(file);
}

static void started(struct host *host, const Wire__StepStarted *message)
{
    struct drive *drive = host->drive;

    tell(drive, "host %u started: pid %u %s", host->number, message->pid, message->error);
    host->step_pid = (pid_t)message->pid;
    if (*message->error != '\0') {
        fprintf(stderr, "stepdrive: %s\n", message->error);
        set_exit_code(drive, 132);
        end_all(drive);
        return;
    }
    if (drive->has_tool)
        start_tool(host);
    else if (++drive->started == drive->host_count)
        send_input(drive);
}

static void on_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    (void)link;
    (void)hello;
    (void)arg;
}

static void on_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    struct host *host = arg;

    (void)link;
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_STEP_ATTACH:
        tell(host->drive, "host %u attached: spec %zu", host->number, frame->step_attach->spec.len);
        if (host->drive->has_tool)
            send_tools(host);
        else if (frame->step_attach->spec.len == 0)
            send_start(host);
        else
            chan_route_up(host->drive->chan, (int)host->number, clock_now_ms());
        break;
    case WIRE__FRAME__BODY_STEP_STARTED:
        started(host, frame->step_started);
        break;
    case WIRE__FRAME__BODY_ROUTE:
        forward(host->drive, frame->route);
        break;
    case WIRE__FRAME__BODY_GRID_PEERS:
        answer_peers(host, frame);
        break;
    default:
        tell(host->drive, "frame %s", frame_name(frame));
    }
}

static void on_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct host *host = arg;

    (void)end;
    tell(host->drive, "link to host %u closed: %s", host->number, why);
    link_destroy(link);
    host->link = NULL;
    if (!host->was_sent_end && !host->drive->has_lost) {
        fprintf(stderr, "stepdrive: the step of host %u is gone\n", host->number);
        set_exit_code(host->drive, 1);
    }
    if (host->drive->has_lost && strncmp(host->drive->action, "kill", 4) == 0)
        end_all(host->drive);
}

static void connect_host(struct host *host)
{
    static const struct link_ops ops = {on_ready, on_frame, NULL, on_closed};
    Wire__Hello hello = WIRE__HELLO__INIT;
    struct err err;

    hello.protocol = PROTOCOL_VERSION;
    hello.version = (char *)(uintptr_t)PACKAGE_VERSION;
    hello.program = (char *)(uintptr_t) "p2pmpid";
    host->link = link_connect_unix(host->drive->base, host->socket, &hello, 5000, &ops, host, &err);
    if (host->link == NULL)
        fprintf(stderr, "stepdrive: %s\n", err.text);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, 8) != 0) {
        perror(path);
        exit(99);
    }
    return fd;
}

static void start_host(struct host *host)
{
    struct drive *drive = host->drive;

    host->dir = mem_format("%s/h%u", drive->top, host->number);
    host->socket = mem_format("%s/step.sock", host->dir);
    char *work = mem_format("%s/work", host->dir);
    if (file_mkdirs(work, 0700, NULL) != 0) {
        perror(work);
        exit(99);
    }
    free(work);
    int fd = listen_at(host->socket);
    host->pid = fork();
    if (host->pid == 0) {
        if (fd == 3)
            fcntl(3, F_SETFD, 0);
        else
            dup2(fd, 3);
        execl(drive->step_path, "p2pmpi-stepd", "--dir", host->dir, "--job", drive->spec->job,
              drive->has_tool ? "--tools" : NULL, (char *)NULL);
        perror(drive->step_path);
        _exit(127);
    }
    close(fd);
    connect_host(host);
}

static void on_child(evutil_socket_t number, short what, void *arg)
{
    struct drive *drive = arg;
    int status;
    pid_t pid;
    bool is_left = false;

    (void)number;
    (void)what;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == drive->tool) {
            drive->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            end_all(drive);
        }
        for (unsigned i = 0; i < drive->host_count; i++) {
            if (drive->hosts[i].pid != pid)
                continue;
            drive->hosts[i].pid = 0;
            tell(drive, "step of host %u ended: status %x", i, (unsigned)status);
            if (status != 0 && !drive->has_lost)
                set_exit_code(drive, 98);
        }
    }
    for (unsigned i = 0; i < drive->host_count; i++)
        is_left |= drive->hosts[i].pid != 0;
    if (!is_left)
        event_base_loopbreak(drive->base);
}

static void on_give_up(evutil_socket_t fd, short what, void *arg)
{
    struct drive *drive = arg;

    (void)fd;
    (void)what;
    fprintf(stderr, "stepdrive: no end after a minute\n");
    drive->exit_code = 97;
    for (unsigned i = 0; i < drive->host_count; i++)
        if (drive->hosts[i].pid != 0)
            kill(drive->hosts[i].pid, SIGKILL);
    event_base_loopbreak(drive->base);
}

/* ---- the job */

static void make_hosts(struct drive *drive)
{
    Wire__JobSpec *spec = drive->spec;

    spec->oversubscribed = drive->host_count > 1;
    spec->hosts = mem_array(drive->host_count, sizeof *spec->hosts);
    spec->n_hosts = drive->host_count;
    for (unsigned i = 0; i < drive->host_count; i++) {
        Wire__JobHost host = WIRE__JOB_HOST__INIT;
        Wire__Peer peer = WIRE__PEER__INIT;
        char name[32];

        snprintf(name, sizeof name, "drive%u", i);
        peer.name = name;
        host.peer = &peer;
        host.ranks = spec->ranks / drive->host_count + (i < spec->ranks % drive->host_count);
        spec->hosts[i] = message_copy(&host.base);
        drive->hosts[i].drive = drive;
        drive->hosts[i].number = i;
    }
    spec->rank_host = mem_array(spec->ranks, sizeof *spec->rank_host);
    spec->n_rank_host = spec->ranks;
    for (unsigned rank = 0; rank < spec->ranks; rank++)
        spec->rank_host[rank] = rank % drive->host_count;
}

static void add_variable(Wire__JobSpec *spec, char *text)
{
    Wire__Var var = WIRE__VAR__INIT;
    char *value = strchr(text, '=');

    if (value == NULL)
        return;
    *value++ = '\0';
    var.name = text;
    var.value = value;
    spec->env = mem_grow(spec->env, spec->n_env + 1, sizeof *spec->env);
    spec->env[spec->n_env++] = message_copy(&var.base);
}

static void read_options(struct drive *drive, int argc, char **argv)
{
    Wire__JobSpec *spec = drive->spec;
    int option;

    while ((option = getopt(argc, argv, "+n:H:kgr:x:i:d:o:tv")) != -1)
        switch (option) {
        case 'n':
            spec->ranks = (uint32_t)atoi(optarg);
            break;
        case 'H':
            drive->host_count = (unsigned)atoi(optarg);
            break;
        case 'k':
            drive->keeps_going = true;
            break;
        case 'g':
            spec->embedded = false;
            break;
        case 'r':
            spec->rejoin_ms = (uint32_t)atoi(optarg);
            break;
        case 'x':
            add_variable(spec, optarg);
            break;
        case 'i':
            drive->input = optarg;
            break;
        case 'd':
            drive->top = mem_string(optarg);
            break;
        case 'o':
            drive->trigger = optarg;
            drive->action = strrchr(optarg, '=') + 1;
            *strrchr(optarg, '=') = '\0';
            break;
        case 't':
            drive->has_tool = true;
            break;
        case 'v':
            drive->is_verbose = true;
            break;
        default:
            exit(2);
        }
    if (optind == argc || drive->host_count < 1 || drive->host_count > HOSTS_MAX || spec->ranks < 1)
        exit(2);
    spec->argv = argv + optind;
    spec->n_argv = (size_t)(argc - optind);
}

static char *step_program(void)
{
    const char *build = getenv("P2PMPI_BUILDDIR");

    return mem_format("%s/pmix-server/p2pmpi-stepd", build != NULL ? build : ".");
}

/* The ranks' shared memory must be gone with the steps. */
static void check_shm(struct drive *drive)
{
    char pattern[64];
    glob_t found;

    snprintf(pattern, sizeof pattern, "/dev/shm/p2pmpi-%.8s-*", drive->spec->job);
    for (int i = 0; glob(pattern, 0, NULL, &found) == 0; i++) {
        if (!drive->has_lost || i == 40)
            break;
        usleep(50000); /* a step whose keeper was killed ends by itself, unseen */
        globfree(&found);
    }
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    fprintf(stderr, "stepdrive: left behind: %s\n", found.gl_pathv[0]);
    drive->exit_code = 96;
    globfree(&found);
}

int main(int argc, char **argv)
{
    static struct drive drive = {.host_count = 1};
    Wire__JobSpec spec = WIRE__JOB_SPEC__INIT;
    char job[33], space[40], top[] = "/tmp/p2pmpi-drive-XXXXXX";
    const struct timeval minute = {.tv_sec = 60};

    signal(SIGPIPE, SIG_IGN);
    drive.start_us = clock_now_us();
    rand_hex(job, 16);
    snprintf(space, sizeof space, "p2pmpi-%s", job);
    spec.job = job;
    spec.namespace_ = space;
    spec.ranks = 1;
    spec.embedded = true;
    spec.rejoin_ms = 2000;
    drive.spec = &spec;
    read_options(&drive, argc, argv);
    make_hosts(&drive);
    drive.step_path = step_program();
    bool is_own_top = drive.top == NULL;
    if (is_own_top) {
        if (dustbin_open(top) < 0) {
            perror(top);
            exit(99);
        }
        drive.top = mem_string(top);
    }

    drive.base = event_base_new();
    drive.tick = evtimer_new(drive.base, on_tick, &drive);
    drive.reconnect = evtimer_new(drive.base, on_reconnect, &drive);
    drive.give_up = evtimer_new(drive.base, on_give_up, &drive);
    event_add(drive.give_up, &minute);
    struct event *child = evsignal_new(drive.base, SIGCHLD, on_child, &drive);
    event_add(child, NULL);
    chan_open(&drive);
    for (unsigned i = 0; i < drive.host_count; i++)
        start_host(&drive.hosts[i]);
    event_base_dispatch(drive.base);

    check_shm(&drive);
    tell(&drive, "end: %d", drive.exit_code);
    if (is_own_top)
        file_remove_tree(drive.top, NULL);
    _exit(drive.exit_code); /* a test's driver: what it holds goes with it */
}
