/* SPDX-License-Identifier: BSD-3-Clause */
/* peers.c - the grid's peers as JSON */
#include "config.h"
#include "pmix-server/px_peers.h"

#include "test/lib/prelude.h"

#include <string.h>

static void several_answers_make_one_list(void **state)
{
    Wire__Answer answer = WIRE__ANSWER__INIT;
    Wire__Peer peer = WIRE__PEER__INIT;
    Wire__LoadInfo load = WIRE__LOAD_INFO__INIT;
    Wire__Peer *list[1] = {&peer};
    struct peers_json *peers = peers_json_create();

    (void)state;
    peer.name = (char *)"a \"quoted\" name";
    load.slots = 4;
    peer.load = &load;
    answer.peers = list;
    answer.n_peers = 1;
    assert_int_equal(peers_json_add(peers, &answer), 1);
    assert_int_equal(peers_json_add(peers, &answer), 2);
    char *text = peers_json_text(peers);
    assert_non_null(strstr(text, "\"name\":\"a \\\"quoted\\\" name\""));
    assert_non_null(strstr(text, "\"slots\":4"));
    free(text);
    peers_json_destroy(peers);
}

static void no_peers_are_an_empty_list(void **state)
{
    struct peers_json *peers = peers_json_create();
    char *text = peers_json_text(peers);

    (void)state;
    assert_string_equal(text, "[]");
    free(text);
    peers_json_destroy(peers);
}

UNIT_MAIN(cmocka_unit_test(several_answers_make_one_list),
          cmocka_unit_test(no_peers_are_an_empty_list))
