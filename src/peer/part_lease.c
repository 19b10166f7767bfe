/* SPDX-License-Identifier: BSD-3-Clause */
/* part_lease.c - slots of this host for a job */
#include "config.h"
#include "peer/part.h"

#include "base/clock.h"
#include "job/jobid.h"

static void send_refused(struct hosting *hosting, const struct id *to, uint64_t re, char *job,
                         Wire__Code code, const char *text)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Refused refused = WIRE__REFUSED__INIT;

    refused.job = job;
    refused.code = code;
    refused.text = (char *)text;
    frame.re = re;
    frame.body_case = WIRE__FRAME__BODY_REFUSED;
    frame.refused = &refused;
    daemon_send(hosting->daemon, to, &frame);
}

/* Why a job cannot ask for a lease here, or OK. */
static Wire__Code check_request(struct hosting *hosting, const struct id *from, const char *job,
                                struct err *err)
{
    const struct part *known = part_find(hosting, job);

    if (!jobid_is_valid(job)) {
        err_set(err, "a job id has 32 hexadecimal digits");
        return WIRE__CODE__ERR_BAD_MESSAGE;
    }
    if (hosting->stopping) {
        err_set(err, "it is being stopped");
        return WIRE__CODE__ERR_BUSY;
    }
    if (known != NULL && (known->state != HOST_LEASED || !id_equal(&known->home, from))) {
        err_set(err, "a job of this name is here already");
        return WIRE__CODE__ERR_BUSY;
    }
    return WIRE__CODE__OK;
}

static void send_grant(struct hosting *hosting, const struct id *to, uint64_t re,
                       const struct lease *lease)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__LeaseGrant grant = WIRE__LEASE_GRANT__INIT;

    grant.job = (char *)lease->job;
    grant.slots = lease->slots;
    grant.expires_ms = (uint32_t)(lease->expires_ms - clock_now_ms());
    grant.host = hosting->daemon->hello->self->host;
    frame.re = re;
    frame.body_case = WIRE__FRAME__BODY_LEASE_GRANT;
    frame.lease_grant = &grant;
    daemon_send(hosting->daemon, to, &frame);
}

void part_lease_request(struct hosting *hosting, const struct id *from, const Wire__Frame *frame)
{
    const Wire__LeaseRequest *request = frame->lease_request;
    const struct lease *lease;
    struct err err;
    struct lease_ask ask = {.job = request->job,
                            .user = request->user,
                            .home = *from,
                            .slots = request->slots,
                            .oversubscribe = request->oversubscribe,
                            .duration_ms = request->duration_ms};

    Wire__Code code = check_request(hosting, from, request->job, &err);
    if (code == WIRE__CODE__OK)
        code = leases_request(hosting->daemon->leases, &ask, clock_now_ms(), &lease, &err);
    if (code != WIRE__CODE__OK) {
        send_refused(hosting, from, frame->id, request->job, code, err.text);
        return;
    }
    if (part_find(hosting, lease->job) == NULL)
        part_create(hosting, lease->job, from);
    send_grant(hosting, from, frame->id, lease);
}

void part_lease_renew(struct hosting *hosting, const struct id *from, Wire__LeaseRenew *renew)
{
    if (leases_renew(hosting->daemon->leases, renew->job, from, renew->slots, renew->duration_ms,
                     clock_now_ms()) < 0 &&
        !part_is_unknown(hosting, renew->job))
        part_send_gone(hosting, from, renew->job, "its lease ran out");
}

void part_lease_release(struct hosting *hosting, const struct id *from, Wire__LeaseRelease *release)
{
    struct part *part = part_of(hosting, release->job, from);

    if (part != NULL)
        part_end(part, NULL);
}
