/* SPDX-License-Identifier: BSD-3-Clause */
/* directory.c - a supernode client against a made-up supernode, event by event */
#include "config.h"
#include "member/directory.h"

#include "test/lib/prelude.h"
#include "wire/frame.h"

#include <stdio.h>
#include <string.h>

struct desk { /* what the client did, as one letter each, and its last question */
    char did[256];
    uint64_t id[8]; /* of the last frame of each kind, by letter below */
    Wire__Query query;
    uint32_t renewed_free;
    uint64_t answered_query;
    int answers, failures;
    uint32_t certificate_size;
    char why[128];
    struct directory *directory;
};

static void note(struct desk *desk, char what)
{
    size_t length = strlen(desk->did);

    desk->did[length] = what;
    desk->did[length + 1] = '\0';
}

static void on_connect(unsigned i, void *arg)
{
    note(arg, (char)('0' + i));
}

static void on_send(const Wire__Frame *frame, void *arg)
{
    struct desk *desk = arg;

    switch (frame->body_case) {
    case WIRE__FRAME__BODY_REGISTER:
        note(desk, 'R');
        desk->id[0] = frame->id;
        break;
    case WIRE__FRAME__BODY_RENEW:
        note(desk, 'n');
        desk->id[1] = frame->id;
        desk->renewed_free = frame->renew->load != NULL ? frame->renew->load->slots_free : 0;
        break;
    case WIRE__FRAME__BODY_QUERY:
        note(desk, 'q');
        desk->id[2] = frame->id;
        desk->query = *frame->query;
        break;
    case WIRE__FRAME__BODY_CERT_RENEW:
        note(desk, 'c');
        desk->id[3] = frame->id;
        break;
    case WIRE__FRAME__BODY_UNREGISTER:
        note(desk, 'U');
        break;
    default:
        note(desk, '?');
    }
}

static void on_close(void *arg)
{
    note(arg, 'x');
}

static void on_answer(uint64_t query, const Wire__Answer *answer, void *arg)
{
    struct desk *desk = arg;

    desk->answered_query = query;
    if (answer != NULL)
        desk->answers++;
    else
        desk->failures++;
}

static void on_state(enum directory_state state, const char *why, void *arg)
{
    struct desk *desk = arg;

    (void)state;
    if (why != NULL)
        snprintf(desk->why, sizeof desk->why, "%s", why);
}

static void on_certificate(const uint8_t *der, size_t size, void *arg)
{
    struct desk *desk = arg;

    (void)der;
    desk->certificate_size = (uint32_t)size;
}

static const struct directory_ops ops = {on_connect, on_send,        on_close, on_answer,
                                         on_state,   on_certificate, NULL};

static void registered(struct desk *desk, uint32_t expires_s, int64_t now_ms)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Registered message = WIRE__REGISTERED__INIT;

    message.expires_s = expires_s;
    frame.re = desk->id[0];
    frame.body_case = WIRE__FRAME__BODY_REGISTERED;
    frame.registered = &message;
    assert_true(directory_frame(desk->directory, &frame, now_ms));
}

static void renewed(struct desk *desk, bool known, int64_t now_ms)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Renewed message = WIRE__RENEWED__INIT;

    message.known = known;
    frame.re = desk->id[1];
    frame.body_case = WIRE__FRAME__BODY_RENEWED;
    frame.renewed = &message;
    assert_true(directory_frame(desk->directory, &frame, now_ms));
}

static void answered(struct desk *desk, uint32_t total, int64_t now_ms)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Answer message = WIRE__ANSWER__INIT;

    message.total = total;
    frame.re = desk->id[2];
    frame.body_case = WIRE__FRAME__BODY_ANSWER;
    frame.answer = &message;
    assert_true(directory_frame(desk->directory, &frame, now_ms));
}

static void refused(struct desk *desk, int which, int64_t now_ms)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__Error message = WIRE__ERROR__INIT;

    message.text = (char *)"go away";
    frame.re = desk->id[which];
    frame.body_case = WIRE__FRAME__BODY_ERROR;
    frame.error = &message;
    assert_true(directory_frame(desk->directory, &frame, now_ms));
}

static struct directory *open_desk(struct desk *desk, unsigned supernodes)
{
    struct directory_config config = {.supernodes = supernodes, .seed = 3};
    Wire__Peer self = WIRE__PEER__INIT;

    memset(desk, 0, sizeof *desk);
    desk->directory = directory_create(&config, &ops, desk);
    self.name = (char *)"me";
    directory_set_self(desk->directory, &self, 0);
    return desk->directory;
}

static struct directory *member_desk(struct desk *desk, unsigned supernodes)
{
    struct directory *directory = open_desk(desk, supernodes);

    directory_start(directory, 0);
    directory_connected(directory, 10);
    registered(desk, 30, 20);
    answered(desk, 7, 30);
    assert_int_equal(directory_state(directory), DIRECTORY_MEMBER);
    return directory;
}

/* Every event in every state: letters are events, digits and letters in `did` what the client does.
 */
static void each_state_takes_each_event_as_drawn(void **state)
{
    static const struct {
        const char
            *events; /* s start, c connected, r registered, u unknown, f closed, t timer, p stop */
        const char *did;
        enum directory_state state;
    } cases[] = {
        {"", "", DIRECTORY_OFF},
        {"cftp", "", DIRECTORY_OFF},
        {"s", "0", DIRECTORY_CONNECTING},
        {"ss", "0", DIRECTORY_CONNECTING},
        {"sp", "0x", DIRECTORY_OFF},
        {"sc", "0R", DIRECTORY_REGISTERING},
        {"sf", "0", DIRECTORY_WAITING},
        {"st", "0x", DIRECTORY_WAITING},        /* connecting took too long */
        {"sft", "01", DIRECTORY_CONNECTING},    /* the next one */
        {"sftft", "010", DIRECTORY_CONNECTING}, /* and around */
        {"sfp", "0", DIRECTORY_OFF},
        {"sct", "0Rx", DIRECTORY_WAITING}, /* no answer to Register */
        {"scr", "0Rq", DIRECTORY_MEMBER},
        {"scf", "0R", DIRECTORY_WAITING},
        {"scp", "0RU", DIRECTORY_STOPPING},
        {"scrf", "0Rq", DIRECTORY_WAITING},
        {"scrft", "0Rq1", DIRECTORY_CONNECTING},
        {"scrftcr", "0Rq1Rq", DIRECTORY_MEMBER},
        {"scrp", "0RqU", DIRECTORY_STOPPING},
        {"scrpt", "0RqUx", DIRECTORY_OFF},
        {"scrpf", "0RqU", DIRECTORY_OFF},
        {"scrpts", "0RqUx0", DIRECTORY_CONNECTING},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct desk desk;
        struct directory *directory = open_desk(&desk, 2);
        int64_t now_ms = 0;
        for (const char *event = cases[i].events; *event != '\0'; event++) {
            now_ms++;
            switch (*event) {
            case 's':
                directory_start(directory, now_ms);
                break;
            case 'c':
                directory_connected(directory, now_ms);
                break;
            case 'r':
                registered(&desk, 30, now_ms);
                break;
            case 'f':
                directory_closed(directory, "connection refused", now_ms);
                break;
            case 't':
                if (directory_next_ms(directory) != INT64_MAX)
                    now_ms = directory_next_ms(directory);
                directory_tick(directory, now_ms);
                break;
            case 'p':
                directory_stop(directory, now_ms);
            }
        }
        if (strcmp(desk.did, cases[i].did) != 0 || directory_state(directory) != cases[i].state)
            fail_msg("\"%s\" did \"%s\" and is %s", cases[i].events, desk.did,
                     directory_state_name(directory_state(directory)));
        directory_destroy(directory);
    }
}

static void a_member_renews_at_a_third_of_its_time(void **state)
{
    struct desk desk;
    struct directory *directory = member_desk(&desk, 1);
    int64_t now_ms = 30, last_ms = 20;
    int renewals = 0;

    (void)state;
    assert_int_equal(directory_total(directory), 7);
    while (now_ms < 120000) {
        now_ms = directory_next_ms(directory);
        desk.did[0] = '\0';
        directory_tick(directory, now_ms);
        if (strcmp(desk.did, "n") == 0) {
            assert_in_range(now_ms - last_ms, 7000, 10500);
            last_ms = now_ms;
            renewals++;
            renewed(&desk, true, now_ms + 1);
        } else {
            assert_string_equal(desk.did, "q");
            answered(&desk, 7, now_ms + 1);
        }
    }
    assert_in_range(renewals, 11, 17);
    directory_destroy(directory);
}

static void a_supernode_that_forgot_us_is_told_again(void **state)
{
    struct desk desk;
    struct directory *directory = member_desk(&desk, 1);

    (void)state;
    directory_tick(directory, directory_next_ms(directory));
    renewed(&desk, false, 11000);
    assert_string_equal(desk.did, "0RqnR");
    assert_int_equal(directory_state(directory), DIRECTORY_REGISTERING);
    assert_int_equal(directory_absent_ms(directory, 11500), 500);
    registered(&desk, 30, 12000);
    assert_int_equal(directory_absent_ms(directory, 12000), 0);
    directory_destroy(directory);
}

static void free_slots_are_told_soon_but_not_too_often(void **state)
{
    struct desk desk;
    struct directory *directory = member_desk(&desk, 1);
    Wire__LoadInfo load = WIRE__LOAD_INFO__INIT;

    (void)state;
    load.slots = load.slots_free = 4;
    directory_set_load(directory, &load, 5000);
    directory_tick(directory, 5000);
    assert_string_equal(desk.did, "0Rqn");
    assert_int_equal(desk.renewed_free, 4);
    renewed(&desk, true, 5001);
    load.slots_free = 1;
    directory_set_load(directory, &load, 5010);
    load.slots_free = 2;
    directory_set_load(directory, &load, 5020);
    directory_tick(directory, 5020);
    assert_string_equal(desk.did, "0Rqn");
    assert_int_equal(directory_next_ms(directory), 7000);
    directory_tick(directory, 7000);
    assert_int_equal(desk.renewed_free, 2);
    renewed(&desk, true, 7001);
    load.load_milli = 5000; /* not worth a message of its own */
    directory_set_load(directory, &load, 8000);
    assert_true(directory_next_ms(directory) > 12000);
    directory_destroy(directory);
}

static void silence_of_a_supernode_moves_on_to_the_next(void **state)
{
    struct desk desk;
    struct directory *directory = member_desk(&desk, 3);

    (void)state;
    int64_t now_ms = directory_next_ms(directory);
    directory_tick(directory, now_ms); /* renewal, unanswered */
    assert_int_equal(directory_next_ms(directory), now_ms + 5000);
    directory_tick(directory, now_ms + 5000);
    assert_string_equal(desk.did, "0Rqnx");
    assert_string_equal(desk.why, "no answer");
    now_ms = directory_next_ms(directory);
    directory_tick(directory, now_ms);
    assert_int_equal(directory_supernode(directory), 1);
    directory_connected(directory, now_ms);
    refused(&desk, 0, now_ms);
    assert_string_equal(desk.why, "go away");
    assert_int_equal(directory_supernode(directory), 2);
    directory_destroy(directory);
}

static void waits_grow_when_no_supernode_is_there(void **state)
{
    struct desk desk;
    struct directory *directory = open_desk(&desk, 2);
    int64_t now_ms = 0, waits[20];

    (void)state;
    directory_start(directory, 0);
    for (int i = 0; i < 20; i++) {
        directory_closed(directory, "connection refused", now_ms);
        waits[i] = directory_next_ms(directory) - now_ms;
        now_ms += waits[i];
        directory_tick(directory, now_ms);
    }
    assert_in_range(waits[0], 90, 130);  /* the second one, nearly at once */
    assert_in_range(waits[1], 375, 500); /* both failed */
    assert_in_range(waits[3], 750, 1000);
    assert_in_range(waits[5], 1500, 2000);
    assert_in_range(waits[19], 11250, 15000);
    assert_int_equal(directory_absent_ms(directory, now_ms), -1);
    directory_destroy(directory);
}

static void every_query_gets_its_answer_or_hears_that_there_is_none(void **state)
{
    struct desk desk;
    struct directory *directory = member_desk(&desk, 1);
    Wire__Query query = WIRE__QUERY__INIT;
    Wire__Frame stray = WIRE__FRAME__INIT;

    (void)state;
    query.limit = 12;
    uint64_t first = directory_query(directory, &query, 100);
    assert_true(first > 0);
    assert_int_equal(desk.query.limit, 12);
    answered(&desk, 9, 110);
    assert_int_equal(desk.answered_query, first);
    uint64_t second = directory_query(directory, &query, 200);
    refused(&desk, 2, 210);
    assert_int_equal(desk.answered_query, second);
    assert_int_equal(desk.failures, 1);
    uint64_t third = directory_query(directory, &query, 300);
    directory_closed(directory, "", 310);
    assert_int_equal(desk.answered_query, third);
    assert_int_equal(desk.failures, 2);
    assert_int_equal(directory_query(directory, &query, 320), 0);
    stray.re = 12345;
    assert_false(directory_frame(directory, &stray, 330));
    stray.re = 0;
    assert_false(directory_frame(directory, &stray, 330));
    directory_destroy(directory);
}

static void the_certificate_is_renewed_in_time(void **state)
{
    struct desk desk;
    struct directory *directory = member_desk(&desk, 1);
    Wire__Frame frame = WIRE__FRAME__INIT;
    Wire__CertIssued issued = WIRE__CERT_ISSUED__INIT;
    uint8_t der[100] = {0};

    (void)state;
    directory_set_certificate(directory, 0, 6000);
    assert_int_equal(directory_next_ms(directory), 4000);
    directory_tick(directory, 4000);
    assert_string_equal(desk.did, "0Rqc");
    refused(&desk, 3, 4010); /* not now: again in a minute */
    assert_int_equal(directory_state(directory), DIRECTORY_MEMBER);
    for (int64_t now_ms = 4020; strstr(desk.did, "c") == strrchr(desk.did, 'c');
         now_ms = directory_next_ms(directory)) {
        size_t length = strlen(desk.did);
        directory_tick(directory, now_ms);
        if (strlen(desk.did) > length && desk.did[length] == 'n')
            renewed(&desk, true, now_ms);
        else if (strlen(desk.did) > length && desk.did[length] == 'q')
            answered(&desk, 1, now_ms);
        assert_true(now_ms <= 64000);
    }
    issued.certificate = (ProtobufCBinaryData){sizeof der, der};
    frame.re = desk.id[3];
    frame.body_case = WIRE__FRAME__BODY_CERT_ISSUED;
    frame.cert_issued = &issued;
    assert_true(directory_frame(directory, &frame, 64010));
    assert_int_equal(desk.certificate_size, sizeof der);
    directory_destroy(directory);
}

UNIT_MAIN(cmocka_unit_test(each_state_takes_each_event_as_drawn),
          cmocka_unit_test(a_member_renews_at_a_third_of_its_time),
          cmocka_unit_test(a_supernode_that_forgot_us_is_told_again),
          cmocka_unit_test(free_slots_are_told_soon_but_not_too_often),
          cmocka_unit_test(silence_of_a_supernode_moves_on_to_the_next),
          cmocka_unit_test(waits_grow_when_no_supernode_is_there),
          cmocka_unit_test(every_query_gets_its_answer_or_hears_that_there_is_none),
          cmocka_unit_test(the_certificate_is_renewed_in_time))
