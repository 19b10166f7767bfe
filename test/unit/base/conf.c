/* SPDX-License-Identifier: BSD-3-Clause */
/* conf.c - the configuration reader */
#include "config.h"
#include "base/conf.h"

#include "base/file.h"
#include "test/lib/prelude.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct values {
    char *name;
    uint32_t port;
    bool quiet;
    struct conf_list nodes;
};

static int read_text(const char *text, struct values *values, struct err *err)
{
    char path[] = "/tmp/p2pmpi-conf-XXXXXX";
    const struct conf_key keys[] = {
        {"name", CONF_STRING, &values->name, 0, 0},
        {"port", CONF_UINT, &values->port, 1, 65535},
        {"quiet", CONF_BOOL, &values->quiet, 0, 0},
        {"supernode", CONF_LIST, &values->nodes, 0, 0},
        {NULL, CONF_STRING, NULL, 0, 0},
    };

    close(mkstemp(path));
    assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
    int result = conf_read(path, keys, err);
    unlink(path);
    return result;
}

static void values_clear(struct values *values)
{
    free(values->name);
    conf_list_clear(&values->nodes);
}

static void every_type_is_read(void **state)
{
    struct values values = {0};
    struct err err;

    (void)state;
    assert_int_equal(read_text("# comment\nname = lab\nport=9740\nquiet = yes\nsupernode = a\nsupernode = b\n",
                               &values, &err), 0);
    assert_string_equal(values.name, "lab");
    assert_int_equal(values.port, 9740);
    assert_true(values.quiet);
    assert_int_equal(values.nodes.count, 2);
    assert_string_equal(values.nodes.items[1], "b");
    values_clear(&values);
}

static void a_fault_names_its_line(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"name = a\n\nprot = 3\n", "line 3: unknown key \"prot\" (known: name, port, quiet, supernode)"},
        {"port = 0\n", "line 1: port must be a number from 1 to 65535, not \"0\""},
        {"name=a\nport = -2\n", "line 2: port must be a number"},
        {"quiet = perhaps\n", "line 1: quiet must be yes or no, not \"perhaps\""},
        {"name = a\nnonsense\n", "line 2: not of the form \"key = value\""},
        {"[section]\nname = a\n", "sections are not used here"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct values values = {0};
        struct err err = {""};
        assert_int_equal(read_text(cases[i].text, &values, &err), -1);
        if (strstr(err.text, cases[i].says) == NULL)
            fail_msg("case %zu says: %s", i, err.text);
        values_clear(&values);
    }
}

UNIT_MAIN(cmocka_unit_test(every_type_is_read), cmocka_unit_test(a_fault_names_its_line))
