/* SPDX-License-Identifier: BSD-3-Clause */
/* part_start.c - JobStart: is it sound, and p2pmpi-stepd is started */
#include "config.h"
#include "peer/part.h"

#include "base/clock.h"
#include "base/mem.h"
#include "job/jobid.h"
#include "job/roster.h"
#include "peer/mesh.h"

#include <stdlib.h>
#include <string.h>

/* The number of this host in the job, or -1. */
static int find_self(const struct daemon *daemon, const Wire__JobSpec *spec)
{
    struct id id;

    for (size_t i = 0; i < spec->n_hosts; i++)
        if (spec->hosts[i]->peer != NULL &&
            id_from_bytes(spec->hosts[i]->peer->id.data, spec->hosts[i]->peer->id.len, &id) == 0 &&
            id_equal(&id, &daemon->self))
            return (int)i;
    return -1;
}

/* Lists and numbers of a spec fit together: everything behind here may trust them. Only the private
 * daemon may give a job its user's directory and environment. */
bool part_is_spec_sound(const struct daemon *daemon, const Wire__JobSpec *spec)
{
    if (!jobid_is_valid(spec->job) || spec->embedded != daemon->is_private)
        return false;
    if (spec->ranks == 0 || spec->n_rank_host != spec->ranks || spec->n_hosts == 0 ||
        spec->n_argv == 0 || !roster_is_sound(spec->ranks, spec->degrees, spec->n_degrees))
        return false;
    for (size_t i = 0; i < spec->n_rank_host; i++)
        if (spec->rank_host[i] >= spec->n_hosts)
            return false;
    for (size_t i = 0; i < spec->n_hosts; i++)
        if (spec->hosts[i]->peer == NULL || spec->hosts[i]->peer->id.len != ID_SIZE)
            return false;
    return spec->home_id.len == ID_SIZE;
}

/* An address of ours that the other hosts of the job can reach: the one they, or the home, see us
 * under. */
static const char *own_address(const struct part *part)
{
    struct mesh *mesh = part->hosting->daemon->mesh;
    const char *address = mesh_local_host(mesh, &part->home);

    for (size_t i = 0; address == NULL && i < part->spec->n_hosts; i++) {
        struct id id;
        id_from_bytes(part->spec->hosts[i]->peer->id.data, ID_SIZE, &id);
        address = mesh_local_host(mesh, &id);
    }
    return address;
}

static void send_step_start(struct part *part)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__StepStart start = WIRE__STEP_START__INIT;
    const char *address = own_address(part);

    start.spec = part->spec;
    start.host = part->host;
    start.dir = (char *)step_dir(part->step);
    if (address != NULL)
        start.address = (char *)address;
    frame.body_case = WIRE__FRAME__BODY_STEP_START;
    frame.step_start = &start;
    step_send(part->step, &frame);
}

/* The program's path as the step sees it: below its directory, or in place on this host. */
static void set_program(struct part *part)
{
    const char *program = part->intake != NULL ? intake_program(part->intake) : NULL;
    size_t length = part->dir != NULL ? strlen(part->dir) : 0;

    if (program == NULL)
        return;
    if (strncmp(program, part->dir, length) == 0 && program[length] == '/')
        program += length + 1;
    if (part->spec->program != NULL && part->spec->program[0] != '\0')
        free(part->spec->program);
    part->spec->program = mem_string(program);
}

static int start_step(struct part *part, struct err *err)
{
    struct daemon *daemon = part->hosting->daemon;

    if (part_make_dir(part, err) < 0)
        return -1;
    struct step_place place = {.dir = part->dir,
                               .job = part->job,
                               .inherit_stderr = daemon->is_private,
                               .sandbox = daemon->is_private ? NULL : daemon->bwrap};
    part->step = step_spawn(daemon->base, &place, daemon->hello, &part_step_ops, part, err);
    return part->step != NULL ? 0 : -1;
}

void part_start(struct part *part, const Wire__JobStart *start)
{
    struct hosting *hosting = part->hosting;
    struct err err;
    uint32_t ranks = 0;

    if (part->spec != NULL || host_next(part->state, HOST_EVENT_START) < 0)
        return;
    int host = part_is_spec_sound(hosting->daemon, start->spec) &&
                       memcmp(start->spec->home_id.data, part->home.bytes, ID_SIZE) == 0
                   ? find_self(hosting->daemon, start->spec)
                   : -1;
    if (host < 0) {
        part_end(part, "it was told to start a job without a place for it");
        return;
    }
    part->spec = message_copy(&start->spec->base);
    part->host = (uint32_t)host;
    for (size_t i = 0; i < part->spec->n_rank_host; i++)
        ranks += part->spec->rank_host[i] == part->host;
    if (leases_run(hosting->daemon->leases, part->job, &part->home, ranks,
                   daemon_lease_ms(part->spec), clock_now_ms()) < 0) {
        part_end(part, "more processes were to be started than slots were leased");
        return;
    }
    part_hold_others(part, true);
    set_program(part);
    if (start_step(part, &err) < 0) {
        part_end(part, err.text);
        return;
    }
    part_event(part, HOST_EVENT_START);
    send_step_start(part);
}
