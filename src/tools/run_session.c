/* SPDX-License-Identifier: BSD-3-Clause */
/* run_session.c - one job, seen from p2pmpirun: from the submission to its result
 *
 * The session ends when the result is there and everything that the ranks wrote has been written. A
 * daemon that goes away while the job runs is waited for: started again, it takes the job back
 * (JobReclaim). */
#include "config.h"
#include "tools/run_session.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/link.h"
#include "stage/fetchin.h"
#include "tools/run_embedded.h"
#include "tools/run_input.h"
#include "tools/run_map.h"
#include "tools/run_output.h"
#include "tools/run_progress.h"
#include "tools/run_signals.h"
#include "tools/run_submit.h"
#include "tools/run_tell.h"
#include "tools/tool_asker.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECLAIM_MS    10000 /* a daemon may be away that long (p2pmpid's rejoin_s) */
#define REDIAL_MS     200
#define ACCEPT_MS     15000 /* from the submission to its acceptance */
#define END_MS        20000 /* from the first interrupt to the result */
#define END_FORCED_MS 5000  /* from the second one */
#define PRIVATE_MS    5000  /* a private daemon's end */

struct run_session {
    const struct run_options *options;
    struct event_base *base;
    char *path;
    pid_t child; /* private daemon, 0: none */
    struct link *link;
    struct run_submit submit;
    Wire__JobSpec *spec; /* once placed */
    struct run_output *output;
    struct run_input *input;
    struct run_progress *progress;
    struct run_signals *signals;
    struct fetchin *fetch;
    struct event *limit;  /* of acceptance, and of the end after an interrupt */
    struct event *redial; /* while the daemon is away, since lost_ms (0: it is there) */
    struct event *pause;  /* a stop waits until the ranks were told */
    int64_t lost_ms;
    unsigned interrupts;
    int end_signal; /* the last of them */
    bool accepted, has_result, failed;
    int exit_code;
};

static void send_frame(struct run_session *session, Wire__Frame *frame)
{
    if (session->link != NULL)
        link_send(session->link, frame); /* a broken link is told by closed() */
}

/* ---- the end */

static void finish_if_done(struct run_session *session)
{
    if (session->failed || (session->has_result && run_output_is_empty(session->output)))
        event_base_loopbreak(session->base);
}

static void fail(struct run_session *session, const char *text)
{
    run_progress_erase(session->progress);
    run_tell(text);
    session->failed = true;
    session->exit_code = 1;
    finish_if_done(session);
}

static void on_result(struct run_session *session, const Wire__JobResult *result)
{
    run_progress_erase(session->progress);
    session->has_result = true;
    if (session->exit_code == 0) /* else a result could not be written here */
        session->exit_code = (int)(result->exit_code & 0xff);
    if (result->exit_code > 0xff && session->exit_code == 0)
        session->exit_code = 1;
    run_output_finish(session->output);
    if (result->text[0] != '\0')
        run_tell(result->text);
    if (session->interrupts > 0)
        session->exit_code = 1;
    finish_if_done(session);
}

/* ---- output, input, results of files */

static void output_written(uint32_t rank, uint32_t stream, uint64_t bytes, void *arg)
{
    struct run_session *session = arg;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobOutputAck ack = WIRE__JOB_OUTPUT_ACK__INIT;

    ack.rank = rank;
    ack.stream = stream;
    ack.bytes = bytes;
    frame.body_case = WIRE__FRAME__BODY_JOB_OUTPUT_ACK;
    frame.job_output_ack = &ack;
    send_frame(session, &frame);
}

static void output_empty(void *arg)
{
    finish_if_done(arg);
}

static void output_failed(const char *why, void *arg)
{
    struct run_session *session = arg;

    if (why == NULL) /* the reader has left */
        return;
    run_tell(why);
    session->exit_code = 1;
}

static const struct run_output_ops output_ops = {output_written, output_empty, output_failed};

static void input_send(uint64_t offset, const void *data, size_t size, bool end, void *arg)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobInput message = WIRE__JOB_INPUT__INIT;
    Wire__Input input = WIRE__INPUT__INIT;

    input.offset = offset;
    input.data = (ProtobufCBinaryData){size, (uint8_t *)data};
    input.end = end;
    message.input = &input;
    frame.body_case = WIRE__FRAME__BODY_JOB_INPUT;
    frame.job_input = &message;
    send_frame(arg, &frame);
}

static void start_input(struct run_session *session)
{
    if (!session->options->no_stdin)
        run_input_start(session->input);
    else
        input_send(0, "", 0, true, session);
}

static void on_output(struct run_session *session, const Wire__JobOutput *message)
{
    const Wire__Output *output = message->output;

    run_progress_erase(session->progress);
    if (output == NULL ||
        run_output_put(session->output, output->rank, output->stream, output->offset,
                       output->data.data, output->data.len, output->end) < 0)
        fail(session,
             "p2pmpid sent output that does not follow what came before; the job is given up");
}

static void fetch_ack(void *arg, uint32_t host, uint64_t bytes)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobFetchAck ack = WIRE__JOB_FETCH_ACK__INIT;

    ack.host = host;
    ack.bytes = bytes;
    frame.body_case = WIRE__FRAME__BODY_JOB_FETCH_ACK;
    frame.job_fetch_ack = &ack;
    send_frame(arg, &frame);
}

static void warn(const char *text, void *arg)
{
    struct run_session *session = arg;

    if (session->progress != NULL)
        run_progress_erase(session->progress);
    if (!session->options->quiet)
        run_tellf("warning: %s", text);
}

static void fetch_warn(void *arg, const char *text)
{
    warn(text, arg);
}

static void fetch_failed(struct run_session *session, const struct err *err)
{
    run_progress_erase(session->progress);
    run_tell(err->text);
    session->exit_code = 1;
}

static void on_fetch_file(struct run_session *session, const Wire__JobFetchFile *message)
{
    const struct fetchin_calls calls = {fetch_ack, fetch_warn, session};
    const char *name = "?";
    struct err err;

    if (session->fetch == NULL)
        session->fetch = fetchin_create(session->submit.cwd, session->submit.message.fetch,
                                        session->submit.message.n_fetch, &calls, &err);
    if (session->spec != NULL && message->host < session->spec->n_hosts &&
        session->spec->hosts[message->host]->peer != NULL)
        name = session->spec->hosts[message->host]->peer->name;
    if (session->fetch == NULL || message->file == NULL ||
        fetchin_file(session->fetch, message->host, name, message->file, &err) < 0)
        fetch_failed(session, &err);
}

static void on_fetch_data(struct run_session *session, const Wire__JobFetchData *message)
{
    struct err err;

    if (session->fetch != NULL && message->data != NULL &&
        fetchin_data(session->fetch, message->host, message->data, &err) < 0)
        fetch_failed(session, &err);
}

/* ---- the job's life */

static void on_map(struct run_session *session, const Wire__JobMap *map)
{
    if (map->spec == NULL)
        return;
    message_free(session->spec);
    session->spec = message_copy(&map->spec->base);
    if (!session->options->display_map)
        return;
    run_progress_erase(session->progress);
    run_map_print(session->spec, stdout);
    fflush(stdout);
}

static void on_progress(struct run_session *session, const Wire__JobProgress *progress)
{
    run_progress_set(session->progress, progress->phase, progress->done, progress->total,
                     progress->text);
    if (progress->phase == WIRE__PHASE__PHASE_RUN)
        start_input(session);
}

static void set_limit(struct run_session *session, unsigned ms)
{
    const struct timeval wait = {ms / 1000, ms % 1000 * 1000};

    event_add(session->limit, &wait);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
    struct run_session *session = arg;

    (void)fd;
    (void)what;
    if (session->interrupts > 0)
        fail(session, "p2pmpid did not end the job in time; p2pmpi-ps shows what is left");
    else
        fail(session, "p2pmpid did not take the job in time; look at its log");
}

static void on_accepted(struct run_session *session)
{
    session->accepted = true;
    if (session->interrupts == 0)
        event_del(session->limit);
}

static void on_frame(struct link *link, Wire__Frame *frame, void *arg)
{
    struct run_session *session = arg;

    (void)link;
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_JOB_ACCEPTED:
        on_accepted(session);
        break;
    case WIRE__FRAME__BODY_JOB_PROGRESS:
        on_progress(session, frame->job_progress);
        break;
    case WIRE__FRAME__BODY_JOB_MAP:
        on_map(session, frame->job_map);
        break;
    case WIRE__FRAME__BODY_JOB_WARNING:
        warn(frame->job_warning->text, session);
        break;
    case WIRE__FRAME__BODY_JOB_OUTPUT:
        on_output(session, frame->job_output);
        break;
    case WIRE__FRAME__BODY_JOB_INPUT_ACK:
        run_input_acked(session->input, frame->job_input_ack->bytes);
        break;
    case WIRE__FRAME__BODY_JOB_FETCH_FILE:
        on_fetch_file(session, frame->job_fetch_file);
        break;
    case WIRE__FRAME__BODY_JOB_FETCH_DATA:
        on_fetch_data(session, frame->job_fetch_data);
        break;
    case WIRE__FRAME__BODY_JOB_RESULT:
        on_result(session, frame->job_result);
        break;
    case WIRE__FRAME__BODY_ERROR:
        fail(session, frame->error->text);
        break;
    default: /* of a newer daemon */
        break;
    }
}

static void send_signal(struct run_session *session, int number)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobSignal message = WIRE__JOB_SIGNAL__INIT;

    message.number = (uint32_t)number;
    frame.body_case = WIRE__FRAME__BODY_JOB_SIGNAL;
    frame.job_signal = &message;
    send_frame(session, &frame);
}

/* The first interrupt lets ranks end in order, a second one does not. */
static void send_end(struct run_session *session)
{
    send_signal(session, session->interrupts == 1 ? session->end_signal : SIGKILL);
    set_limit(session, session->interrupts == 1 ? END_MS : END_FORCED_MS);
}

static void send_submit(struct run_session *session)
{
    Wire__Frame frame = WIRE__FRAME__INIT;

    frame.id = 1;
    frame.body_case = WIRE__FRAME__BODY_JOB_SUBMIT;
    frame.job_submit = &session->submit.message;
    set_limit(session, ACCEPT_MS);
    if (link_send(session->link, &frame) < 0)
        fail(session,
             "the job's description is too long (arguments, environment and file list together)");
}

static void add_mark(uint32_t rank, uint32_t stream, uint64_t bytes, void *arg)
{
    Wire__JobReclaim *reclaim = arg;
    Wire__JobOutputAck *mark = mem_alloc(sizeof *mark);

    wire__job_output_ack__init(mark);
    mark->rank = rank;
    mark->stream = stream;
    mark->bytes = bytes;
    reclaim->written = mem_grow(reclaim->written, reclaim->n_written + 1, sizeof *reclaim->written);
    reclaim->written[reclaim->n_written++] = mark;
}

static void send_reclaim(struct run_session *session)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobReclaim reclaim = WIRE__JOB_RECLAIM__INIT;

    reclaim.spec = session->spec;
    reclaim.submit = &session->submit.message;
    run_output_marks(session->output, add_mark, &reclaim);
    frame.id = 2;
    frame.body_case = WIRE__FRAME__BODY_JOB_RECLAIM;
    frame.job_reclaim = &reclaim;
    send_frame(session, &frame);
    for (size_t i = 0; i < reclaim.n_written; i++)
        free(reclaim.written[i]);
    free(reclaim.written);
    run_input_repeat(session->input);
    session->lost_ms = 0;
    if (session->interrupts > 0)
        send_end(session);
}

static void on_ready(struct link *link, const Wire__Hello *hello, void *arg)
{
    struct run_session *session = arg;

    (void)link;
    (void)hello;
    if (session->accepted && session->spec != NULL)
        send_reclaim(session);
    else
        send_submit(session);
}

static void redial_soon(struct run_session *session)
{
    static const struct timeval wait = {0, REDIAL_MS * 1000};

    event_add(session->redial, &wait);
}

static void on_closed(struct link *link, enum link_end end, const char *why, void *arg)
{
    struct run_session *session = arg;
    char text[ERR_TEXT_MAX + 64];
    struct err err = {""};

    if (end == LINK_END_PROTOCOL)
        asker_other_version(session->child == 0 ? link_pid(link) : 0, why, &err);
    link_destroy(link);
    session->link = NULL;
    event_del(session->limit);
    if (session->has_result)
        return;
    if (err.text[0] != '\0') {
        fail(session, err.text);
        return;
    }
    if (session->child == 0 && session->spec != NULL) {
        if (session->lost_ms == 0)
            session->lost_ms = clock_now_ms();
        redial_soon(session);
        return;
    }
    snprintf(text, sizeof text, "p2pmpid has gone while it had the job: %s", why);
    fail(session, text);
}

static const struct link_ops link_ops = {.ready = on_ready, .frame = on_frame, .closed = on_closed};

static void attach(struct run_session *session, int fd)
{
    Wire__Hello hello = WIRE__HELLO__INIT;

    hello.protocol = PROTOCOL_VERSION;
    hello.version = (char *)PACKAGE_VERSION;
    hello.program = (char *)"p2pmpirun";
    session->link = link_from_fd_take(session->base, fd, &hello, &link_ops, session);
}

static void on_redial(evutil_socket_t fd, short what, void *arg)
{
    struct run_session *session = arg;
    struct err err;

    (void)fd;
    (void)what;
    if (clock_now_ms() - session->lost_ms > RECLAIM_MS) {
        fail(session, "p2pmpid has gone and did not come back within 10 s; the job is lost");
        return;
    }
    int again = asker_fd(session->path, &err);
    if (again < 0) {
        redial_soon(session);
        return;
    }
    attach(session, again);
}

/* ---- signals */

static void signal_end(int number, unsigned count, void *arg)
{
    struct run_session *session = arg;

    bool is_away = session->lost_ms > 0; /* the daemon: told when it is back */

    session->interrupts = count;
    session->end_signal = number;
    session->exit_code = 1;
    if (session->has_result || count > 2 ||
        (!is_away && (session->link == NULL || !link_is_ready(session->link)))) {
        session->failed = true;
        finish_if_done(session);
    } else if (!is_away) {
        send_end(session);
    }
}

static void signal_pass(int number, void *arg)
{
    struct run_session *session = arg;

    send_signal(session, number);
    if (number == SIGCONT)
        run_input_continue(session->input);
}

/* The ranks are told before we stop: nothing is sent while we are. */
static void on_pause(evutil_socket_t fd, short what, void *arg)
{
    static const struct timeval soon = {0, 10000};
    struct run_session *session = arg;

    (void)fd;
    (void)what;
    if (session->link != NULL && link_pending(session->link) > 0) {
        event_add(session->pause, &soon);
        return;
    }
    run_signals_stop_self();
}

static void signal_stop(void *arg)
{
    static const struct timeval now = {0, 0};
    struct run_session *session = arg;

    run_progress_erase(session->progress);
    send_signal(session, SIGTSTP);
    event_add(session->pause, &now);
}

static const struct run_signals_ops signal_ops = {signal_end, signal_pass, signal_stop};

/* ---- beginning and end of a session */

/* Connects to this owner's daemon, or starts a private one. */
static int connect_daemon(struct run_session *session, int *fd_out, struct err *err)
{
    *fd_out = -1;
    if (session->options->local)
        return 0;
    session->path = asker_path(err);
    if (session->path == NULL)
        return -1;
    *fd_out = asker_fd(session->path, err);
    return *fd_out >= 0 || errno == ENOENT || errno == ECONNREFUSED ? 0 : -1;
}

/* While files are hashed; signals are looked at. */
static bool hash_progress(void *arg, uint64_t done, uint64_t total)
{
    struct run_session *session = arg;

    run_progress_set(session->progress, WIRE__PHASE__PHASE_STAGE, done, total, "reading them");
    event_base_loop(session->base, EVLOOP_NONBLOCK);
    return session->interrupts == 0;
}

static void warn_early(const char *text, void *arg)
{
    warn(text, arg);
}

struct run_session *run_session_create(const struct run_options *options, int *exit_code_out,
                                       struct err *err)
{
    struct run_session *session = mem_alloc(sizeof *session);
    struct event_base *base = event_base_new();
    int fd = -1;

    *exit_code_out = 1;
    session->options = options;
    session->base = base;
    session->progress = run_progress_create(base, isatty(STDERR_FILENO) && !options->quiet,
                                            options->verbose && !options->quiet);
    session->signals = run_signals_create(base, &signal_ops, session);
    session->output = run_output_create(base, STDOUT_FILENO, STDERR_FILENO, options->tag_output,
                                        options->merge_stderr, &output_ops, session);
    session->input = run_input_create(base, STDIN_FILENO, input_send, session);
    session->limit = event_new(base, -1, 0, on_limit, session);
    session->redial = event_new(base, -1, 0, on_redial, session);
    session->pause = event_new(base, -1, 0, on_pause, session);
    if (connect_daemon(session, &fd, err) < 0)
        goto error;
    if (run_submit_fill(&session->submit, options, fd < 0, hash_progress, warn_early, session,
                        exit_code_out, err) < 0)
        goto error;
    *exit_code_out = 1;
    if (fd < 0)
        fd = run_embedded_start(&session->child, err);
    if (fd < 0)
        goto error;
    attach(session, fd);
    return session;
error:
    if (fd >= 0)
        close(fd);
    run_session_destroy(session);
    return NULL;
}

/* Of a job that went well; alone on this machine ranks write to where we are. */
static void warn_if_nothing_came(const struct run_session *session)
{
    const Wire__JobSubmit *job = &session->submit.message;
    bool came = session->fetch != NULL && fetchin_count(session->fetch) > 0;

    if (job->n_fetch == 0 || came || session->child != 0 || session->exit_code != 0 ||
        session->options->quiet)
        return;
    run_tellf("warning: no file that the ranks made matches --fetch %s%s", job->fetch[0],
              job->n_fetch > 1 ? ", nor the other patterns" : "");
}

int run_session_run(struct run_session *session)
{
    struct err err;

    if (!session->failed)
        event_base_dispatch(session->base);
    link_destroy(session->link);
    session->link = NULL;
    event_base_loop(session->base,
                    EVLOOP_NONBLOCK); /* libevent closes the socket in its loop only */
    if (session->child > 0 && run_embedded_wait(session->child, PRIVATE_MS, &err) < 0)
        run_tell(err.text);
    if (session->fetch != NULL && session->options->verbose && !session->options->quiet)
        run_tellf("%zu files fetched", fetchin_count(session->fetch));
    warn_if_nothing_came(session);
    return session->exit_code;
}

void run_session_destroy(struct run_session *session)
{
    if (session == NULL)
        return;
    link_destroy(session->link);
    run_progress_destroy(session->progress);
    fetchin_destroy(session->fetch);
    run_input_destroy(session->input);
    run_output_destroy(session->output);
    run_signals_destroy(session->signals);
    event_free(session->limit);
    event_free(session->redial);
    event_free(session->pause);
    run_submit_clear(&session->submit);
    message_free(session->spec);
    free(session->path);
    event_base_free(session->base);
    free(session);
}
