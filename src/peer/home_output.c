/* SPDX-License-Identifier: BSD-3-Clause */
/* home_output.c - what a job's processes write goes to p2pmpirun, each rank's once; what it reads
 * comes from there, for all replicas of rank 0 */
#include "config.h"
#include "peer/home.h"

static void put(void *arg, uint32_t rank, uint32_t stream, uint64_t offset, const uint8_t *data,
                size_t size, bool end)
{
    struct home *home = arg;
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobOutput message = WIRE__JOB_OUTPUT__INIT;
    Wire__Output output = WIRE__OUTPUT__INIT;

    output.rank = rank;
    output.stream = stream;
    output.offset = offset;
    output.data.data = (uint8_t *)(uintptr_t)data;
    output.data.len = size;
    output.end = end;
    message.output = &output;
    frame.body_case = WIRE__FRAME__BODY_JOB_OUTPUT;
    frame.job_output = &message;
    home_send_tool(home, &frame);
}

static void ack(void *arg, uint32_t process, uint32_t stream, uint64_t offset)
{
    struct home *home = arg;
    Wire__Step step = WIRE__STEP__INIT;
    Wire__OutputAck message = WIRE__OUTPUT_ACK__INIT;

    message.rank = process;
    message.stream = stream;
    message.bytes = offset;
    step.body_case = WIRE__STEP__BODY_OUTPUT_ACK;
    step.output_ack = &message;
    home_send_step(home, home->spec->rank_host[process], &step);
}

static void differ(void *arg, uint32_t rank, uint64_t offset)
{
    home_warn(arg,
              "the replicas of rank %u write different things to standard output, from byte %llu "
              "on: the lines of one of them are shown",
              rank, (unsigned long long)offset);
}

void home_output_open(struct home *home)
{
    static const struct merge_ops ops = {put, ack, differ};

    home->merge = merge_create(roster_world(home->roster), &ops, home);
}

void home_output(struct home *home, size_t host, const Wire__Output *output)
{
    if (output->rank >= home->spec->ranks || home->spec->rank_host[output->rank] != host)
        return;
    if (merge_add(home->merge, output->rank, output->stream, output->offset, output->data.data,
                  output->data.len, output->end) < 0)
        home_host_lost(home, host, "it sent output that does not follow what came before");
}

/* ---- input */

/* The process that is this replica of rank 0 and still takes input, or -1. */
static int reader(const struct home *home, int set)
{
    int process = world_process(roster_world(home->roster), 0, set);

    return process >= 0 && roster_state_of(home->roster, (uint32_t)process) == ROSTER_RUNS ? process
                                                                                           : -1;
}

void home_input(struct home *home, Wire__Input *input)
{
    Wire__Step step = WIRE__STEP__INIT;

    step.body_case = WIRE__STEP__BODY_INPUT;
    step.input = input;
    for (int set = 0; set < roster_world(home->roster)->replicas; set++) {
        int process = reader(home, set);
        if (process >= 0)
            home_send_step(home, home->spec->rank_host[process], &step);
    }
}

void home_input_check(struct home *home)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__JobInputAck message = WIRE__JOB_INPUT_ACK__INIT;
    uint64_t least = UINT64_MAX;

    for (int set = 0; set < roster_world(home->roster)->replicas; set++)
        if (reader(home, set) >= 0 && home->input_taken[set] < least)
            least = home->input_taken[set];
    if (least == UINT64_MAX || least <= home->input_told)
        return;
    home->input_told = message.bytes = least;
    frame.body_case = WIRE__FRAME__BODY_JOB_INPUT_ACK;
    frame.job_input_ack = &message;
    home_send_tool(home, &frame);
}

void home_input_ack(struct home *home, size_t host, uint64_t bytes)
{
    for (int set = 0; set < roster_world(home->roster)->replicas; set++) {
        int process = reader(home, set);
        if (process >= 0 && home->spec->rank_host[process] == host &&
            bytes > home->input_taken[set])
            home->input_taken[set] = bytes;
    }
    home_input_check(home);
}
