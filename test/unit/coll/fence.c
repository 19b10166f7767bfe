/* SPDX-License-Identifier: BSD-3-Clause */
/* fence.c - engines joined by a perfect network: counts, order, ceilings; test/sim/sim-fence.c has
 * the deaths */
#include "config.h"
#include "coll/fence.h"

#include "test/lib/prelude.h"

#include <stdio.h>
#include <string.h>

#define HOSTS_MAX 64
#define NSPACE    "job-1"

struct letter {
    struct letter *next;
    int src, dst, depth;
    Wire__Step *step;
};

struct post {
    struct letter *first, **end;
    int sent, depth; /* of the letter being read: how many came before it in a row */
    int deepest;
};

struct host {
    struct post *post;
    int number, completed, status;
    char data[2048], why[ERR_TEXT_MAX];
    struct fence_engine *fence;
};

static struct post post;
static struct host hosts[HOSTS_MAX];
static uint32_t rank_host[HOSTS_MAX];
static const struct fence_proc everybody = {NSPACE, FENCE_WILDCARD};

static void on_send(void *arg, int dst, const Wire__Step *step)
{
    struct host *host = arg;
    struct letter *letter = calloc(1, sizeof *letter);

    *letter = (struct letter){NULL, host->number, dst, post.depth + 1, message_copy(&step->base)};
    *post.end = letter;
    post.end = &letter->next;
    post.sent++;
    if (letter->depth > post.deepest)
        post.deepest = letter->depth;
}

static void on_complete(void *arg, void *tag, int status, const uint8_t *data, size_t size,
                        const char *why)
{
    struct host *host = arg;

    assert_ptr_equal(tag, host);
    host->completed++;
    host->status = status;
    snprintf(host->data, sizeof host->data, "%.*s", (int)(size < 2000 ? size : 2000),
             size > 0 ? (const char *)data : "");
    snprintf(host->why, sizeof host->why, "%s", why);
}

static const struct fence_ops ops = {on_send, on_complete};

static void open_hosts(int count)
{
    memset(&post, 0, sizeof post);
    post.end = &post.first;
    for (int i = 0; i < count; i++)
        rank_host[i] = (uint32_t)i;
    for (int i = 0; i < count; i++) {
        memset(&hosts[i], 0, sizeof hosts[i]);
        hosts[i].number = i;
        hosts[i].fence = fence_create(NSPACE, i, rank_host, (size_t)count, &ops, &hosts[i]);
    }
}

static void deliver(void)
{
    while (post.first != NULL) {
        struct letter *letter = post.first;
        post.first = letter->next;
        if (post.first == NULL)
            post.end = &post.first;
        post.depth = letter->depth;
        fence_receive(hosts[letter->dst].fence, letter->src, letter->step, 0, NULL);
        step_free(letter->step);
        free(letter);
    }
    post.depth = 0;
}

static void close_hosts(int count)
{
    deliver();
    for (int i = 0; i < count; i++)
        fence_destroy(hosts[i].fence);
}

static int contribute(int host, const char *text)
{
    return fence_contribute(hosts[host].fence, &everybody, 1, text, strlen(text), 0, 0,
                            &hosts[host], 0, NULL);
}

static void data_of_all_reaches_all_in_few_steps(void **state)
{
    (void)state;
    for (int count = 1; count <= HOSTS_MAX; count++) {
        char expected[HOSTS_MAX * 4] = "";
        int log2 = 0;

        open_hosts(count);
        while (1 << log2 < count)
            log2++;
        for (int i = count - 1; i >= 0; i--) {
            char text[8];
            snprintf(text, sizeof text, "%d;", i);
            contribute(i, text);
        }
        for (int i = 0; i < count; i++)
            sprintf(expected + strlen(expected), "%d;", i);
        deliver();
        for (int i = 0; i < count; i++) {
            assert_int_equal(hosts[i].completed, 1);
            assert_string_equal(hosts[i].data, expected);
            assert_int_equal(fence_pending(hosts[i].fence), 0);
        }
        assert_int_equal(post.sent, 2 * (count - 1));
        assert_true(post.deepest <= 2 * log2 + 2);
        close_hosts(count);
    }
}

static void an_early_message_waits_for_the_ranks_here(void **state)
{
    (void)state;
    open_hosts(3);
    contribute(1, "b");
    contribute(2, "c");
    deliver();
    assert_int_equal(hosts[1].completed, 0);
    contribute(0, "a");
    assert_int_equal(hosts[0].completed, 1);
    deliver();
    assert_string_equal(hosts[2].data, "abc");
    close_hosts(3);
}

static void fences_of_other_processes_do_not_mix(void **state)
{
    const struct fence_proc pair[] = {{NSPACE, 2}, {NSPACE, 1}},
                            same[] = {{NSPACE, 1}, {NSPACE, 2}};

    (void)state;
    open_hosts(3);
    contribute(1, "all");
    contribute(2, "all");
    fence_contribute(hosts[1].fence, pair, 2, "x", 1, 0, 0, &hosts[1], 0, NULL);
    fence_contribute(hosts[2].fence, same, 2, "y", 1, 0, 0, &hosts[2], 0, NULL);
    deliver();
    assert_int_equal(hosts[1].completed, 1);
    assert_string_equal(hosts[1].data, "xy");
    assert_string_equal(hosts[2].data, "xy");
    contribute(0, "all");
    deliver();
    assert_string_equal(hosts[2].data, "allallall");
    close_hosts(3);
}

static void too_much_data_is_an_error_with_a_sentence(void **state)
{
    char *big = malloc((3 << 20) + 1);

    (void)state;
    memset(big, 'x', 3 << 20);
    big[3 << 20] = '\0';
    open_hosts(3);
    contribute(0, big);
    contribute(1, big);
    contribute(2, "x");
    deliver();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hosts[i].status, FENCE_TOO_BIG);
        assert_string_equal(hosts[i].why, "the ranks exchange more than 6 MiB in one fence");
    }
    contribute(0, big);
    contribute(1, big);
    contribute(2, "");
    deliver();
    assert_int_equal(hosts[2].status, FENCE_OK);
    assert_int_equal(hosts[2].completed, 2);
    close_hosts(3);
    free(big);
}

static void who_is_gone_is_not_waited_for(void **state)
{
    (void)state;
    open_hosts(4);
    contribute(0, "a");
    contribute(2, "c");
    contribute(3, "d");
    deliver();
    for (int i = 0; i < 4; i++)
        fence_rank_gone(hosts[i].fence, 1, 0);
    deliver();
    assert_int_equal(hosts[1].completed, 0);
    assert_string_equal(hosts[3].data, "acd");
    assert_int_equal(fence_pending(hosts[1].fence), 0);
    close_hosts(4);
}

static void a_timeout_answers_here_at_once_and_the_others_by_message(void **state)
{
    (void)state;
    open_hosts(3);
    fence_contribute(hosts[2].fence, &everybody, 1, "c", 1, 0, 500, &hosts[2], 1000, NULL);
    contribute(0, "a");
    deliver();
    assert_int_equal(fence_next(hosts[2].fence, 1100), 400);
    assert_int_equal(fence_next(hosts[0].fence, 1100), -1);
    assert_int_equal(fence_tick(hosts[2].fence, 1499), 1);
    assert_int_equal(hosts[2].completed, 0);
    assert_int_equal(fence_tick(hosts[2].fence, 1500), -1);
    assert_int_equal(hosts[2].status, FENCE_TIMEOUT);
    deliver();
    assert_int_equal(hosts[0].status, FENCE_TIMEOUT);
    assert_int_equal(hosts[1].completed, 0);
    contribute(1, "b"); /* late: told at once */
    assert_int_equal(hosts[1].status, FENCE_TIMEOUT);
    for (int i = 0; i < 3; i++)
        contribute(i, "n");
    deliver();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hosts[i].completed, 2);
        assert_string_equal(hosts[i].data, "nnn");
    }
    close_hosts(3);
}

static void what_cannot_be_a_fence_is_refused_with_a_sentence(void **state)
{
    const struct fence_proc foreign = {"other", 0}, unknown = {NSPACE, 9}, elsewhere = {NSPACE, 1};
    struct err err;

    (void)state;
    open_hosts(2);
    struct fence_engine *fence = hosts[0].fence;
    assert_int_equal(fence_contribute(fence, &foreign, 1, "", 0, 0, 0, NULL, 0, &err), -1);
    assert_string_equal(err.text,
                        "a fence with processes of another job (other) is not possible here");
    assert_int_equal(fence_contribute(fence, &unknown, 1, "", 0, 0, 0, NULL, 0, &err), -1);
    assert_int_equal(fence_contribute(fence, &elsewhere, 1, "", 0, 0, 0, NULL, 0, &err), -1);
    assert_string_equal(err.text, "a fence of 1 processes has none on host 0");
    assert_int_equal(fence_contribute(fence, &everybody, 0, "", 0, 0, 0, NULL, 0, &err), -1);
    assert_int_equal(fence_pending(fence), 0);
    close_hosts(2);
}

static int receive_up(int src, uint32_t number, uint32_t part_host, struct err *err)
{
    Wire__FenceUp up = WIRE__FENCE_UP__INIT;
    Wire__ProcRange range = WIRE__PROC_RANGE__INIT, *ranges[] = {&range};
    Wire__FencePart part = WIRE__FENCE_PART__INIT, *parts[] = {&part};
    Wire__Step step = WIRE__STEP__INIT;
    char nspace[] = NSPACE;

    range.namespace_ = nspace;
    range.rank = FENCE_WILDCARD;
    up.procs = ranges;
    up.n_procs = 1;
    up.number = number;
    part.host = part_host;
    up.parts = parts;
    up.n_parts = 1;
    step.body_case = WIRE__STEP__BODY_FENCE_UP;
    step.fence_up = &up;
    return fence_receive(hosts[0].fence, src, &step, 0, err);
}

static void messages_that_make_no_sense_change_nothing(void **state)
{
    struct err err = {""};

    (void)state;
    open_hosts(3);
    assert_int_equal(receive_up(0, 1, 1, &err), -1);
    assert_int_equal(receive_up(7, 1, 1, &err), -1);
    assert_int_equal(receive_up(-1, 1, 1, &err), -1);
    assert_int_equal(receive_up(1, 1, 77, &err), -1);
    assert_int_equal(receive_up(1, 65, 1, &err), -1);
    assert_string_equal(err.text, "fence 65 comes before fence 1 is over");
    assert_int_equal(fence_pending(hosts[0].fence), 0);
    assert_int_equal(receive_up(1, 0, 1, &err), 0);
    fence_host_lost(hosts[0].fence, 1, 0);
    assert_int_equal(receive_up(1, 1, 1, &err), -1);
    assert_int_equal(fence_pending(hosts[0].fence), 0);
    assert_int_equal(receive_up(2, 1, 2, &err), 0);
    assert_int_equal(receive_up(2, 1, 2, &err), 0);
    assert_int_equal(fence_pending(hosts[0].fence), 1);
    close_hosts(3);
}

static void the_end_of_the_job_answers_all(void **state)
{
    (void)state;
    open_hosts(3);
    contribute(0, "a");
    contribute(0, "a");
    contribute(2, "c");
    deliver();
    fence_fail_all(hosts[0].fence, FENCE_FAILED, "the job ends");
    assert_int_equal(hosts[0].completed, 2);
    assert_string_equal(hosts[0].why, "the job ends");
    assert_int_equal(fence_pending(hosts[0].fence), 0);
    close_hosts(3);
}

static void partners_are_parent_and_children(void **state)
{
    int partners[FENCE_PARTNERS];

    (void)state;
    open_hosts(5);
    assert_int_equal(fence_partners(hosts[0].fence, partners), 2);
    assert_int_equal(partners[1], 2);
    assert_int_equal(fence_partners(hosts[1].fence, partners), 3);
    assert_int_equal(partners[0], 3);
    assert_int_equal(partners[2], 0);
    assert_int_equal(fence_partners(hosts[4].fence, partners), 1);
    assert_int_equal(partners[0], 1);
    close_hosts(5);
    open_hosts(1);
    assert_int_equal(fence_partners(hosts[0].fence, partners), 0);
    close_hosts(1);
}

UNIT_MAIN(cmocka_unit_test(partners_are_parent_and_children),
          cmocka_unit_test(data_of_all_reaches_all_in_few_steps),
          cmocka_unit_test(an_early_message_waits_for_the_ranks_here),
          cmocka_unit_test(fences_of_other_processes_do_not_mix),
          cmocka_unit_test(too_much_data_is_an_error_with_a_sentence),
          cmocka_unit_test(who_is_gone_is_not_waited_for),
          cmocka_unit_test(a_timeout_answers_here_at_once_and_the_others_by_message),
          cmocka_unit_test(what_cannot_be_a_fence_is_refused_with_a_sentence),
          cmocka_unit_test(messages_that_make_no_sense_change_nothing),
          cmocka_unit_test(the_end_of_the_job_answers_all))
