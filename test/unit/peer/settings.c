/* SPDX-License-Identifier: BSD-3-Clause */
/* settings.c - p2pmpid.conf and --set: every key, and what is said of bad ones */
#include "config.h"
#include "peer/settings.h"

#include "base/file.h"
#include "base/mem.h"
#include "test/lib/prelude.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct scene {
    char dir[40];
    char path[64];
    struct settings settings;
};

static int scene_open(void **state)
{
    struct scene *scene = mem_alloc(sizeof *scene);

    snprintf(scene->dir, sizeof scene->dir, "/tmp/p2pmpi-settings-XXXXXX");
    assert_non_null(mkdtemp(scene->dir));
    snprintf(scene->path, sizeof scene->path, "%s/p2pmpid.conf", scene->dir);
    settings_init(&scene->settings);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;

    settings_clear(&scene->settings);
    file_remove_tree(scene->dir, NULL);
    free(scene);
    return 0;
}

static int read_text(struct scene *scene, const char *text, struct err *err)
{
    assert_int_equal(file_write(scene->path, text, strlen(text), 0600, err), 0);
    return settings_read(&scene->settings, scene->path, true, err);
}

static void expect_part(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text);
}

static void defaults_need_no_file(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};

    assert_int_equal(settings_read(&scene->settings, scene->path, false, &err), 0);
    assert_int_equal(scene->settings.port, 9740);
    assert_int_equal(scene->settings.rejoin_s, 10);
    assert_int_equal(scene->settings.slots, 0);
    assert_string_equal(scene->settings.sandbox, "auto");
    assert_int_equal(settings_log_level(&scene->settings), LOG_LEVEL_INFO);
}

static void a_file_that_was_named_must_be_there(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};

    assert_int_equal(settings_read(&scene->settings, scene->path, true, &err), -1);
    expect_part(err.text, scene->path);
}

static void every_key_is_read(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};
    const char *text = "# a comment\n"
                       "name = node7\n"
                       "listen = 192.0.2.7\n"
                       "advertise = 198.51.100.7\n"
                       "port = 0\n"
                       "slots = 3\n"
                       "grid = /etc/lab.grid\n"
                       "rejoin_s = 20\n"
                       "cache_mb = 128\n"
                       "sandbox = none\n"
                       "log_level = debug\n";

    if (read_text(scene, text, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(scene->settings.name, "node7");
    assert_string_equal(scene->settings.listen, "192.0.2.7");
    assert_string_equal(scene->settings.advertise, "198.51.100.7");
    assert_int_equal(scene->settings.port, 0);
    assert_int_equal(scene->settings.slots, 3);
    assert_string_equal(scene->settings.grid, "/etc/lab.grid");
    assert_int_equal(scene->settings.rejoin_s, 20);
    assert_int_equal(scene->settings.cache_mb, 128);
    assert_string_equal(scene->settings.sandbox, "none");
    assert_int_equal(settings_log_level(&scene->settings), LOG_LEVEL_DEBUG);
}

static void the_command_line_overrides_the_file(void **state)
{
    struct scene *scene = *state;
    struct err err = {""};

    assert_int_equal(read_text(scene, "slots = 3\nname = file\n", &err), 0);
    assert_int_equal(settings_set(&scene->settings, "slots=5", &err), 0);
    assert_int_equal(settings_set(&scene->settings, "name=line", &err), 0);
    assert_int_equal(scene->settings.slots, 5);
    assert_string_equal(scene->settings.name, "line");
}

static void a_bad_line_is_named_with_file_and_line(void **state)
{
    struct scene *scene = *state;
    static const char *const bad[] = {"prot = 1",      "port = 65536", "port = -1",
                                      "port = many",   "slots = 1x",   "rejoin_s = 0",
                                      "rejoin_s = 61", "cache_mb = 0", "no assignment"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {""};
        char where[120], *text = mem_format("# first\nname = x\n%s\n", bad[i]);
        snprintf(where, sizeof where, "%s, line 3:", scene->path);
        if (read_text(scene, text, &err) == 0)
            fail_msg("\"%s\" was taken", bad[i]);
        expect_part(err.text, where);
        free(text);
    }
}

static void a_bad_set_is_named(void **state)
{
    struct scene *scene = *state;
    static const char *const bad[] = {"port",       "prot=1", "port=65536",
                                      "rejoin_s=0", "=1",     "name=my host"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {""};
        if (settings_set(&scene->settings, bad[i], &err) == 0)
            fail_msg("\"%s\" was taken", bad[i]);
        expect_part(err.text, "--set");
        expect_part(err.text, bad[i]);
    }
}

static void words_are_checked_where_they_stand(void **state)
{
    struct scene *scene = *state;
    static const struct {
        const char *line, *word;
    } bad[] = {{"sandbox = jail", "jail"}, {"log_level = loud", "loud"}, {"name =", "name"}};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {""};
        char where[120], *text = mem_format("slots = 1\n%s\n", bad[i].line);
        snprintf(where, sizeof where, "%s, line 2:", scene->path);
        if (read_text(scene, text, &err) == 0)
            fail_msg("\"%s\" was taken", bad[i].line);
        expect_part(err.text, where);
        expect_part(err.text, bad[i].word);
        free(text);
        settings_clear(&scene->settings);
        settings_init(&scene->settings);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

UNIT_MAIN(CASE(defaults_need_no_file), CASE(a_file_that_was_named_must_be_there),
          CASE(every_key_is_read), CASE(the_command_line_overrides_the_file),
          CASE(a_bad_line_is_named_with_file_and_line), CASE(a_bad_set_is_named),
          CASE(words_are_checked_where_they_stand))
