/* SPDX-License-Identifier: BSD-3-Clause */
/* conf.h - a configuration file: lines "key = value", "#" and ";" comments; read with inih */
#ifndef P2PMPI_BASE_CONF_H
#define P2PMPI_BASE_CONF_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum conf_type {
    CONF_STRING,  /* char *, allocated; an old value is freed; min..max characters unless max is 0 */
    CONF_WORD,    /* struct conf_word: a string that is one of several */
    CONF_UINT,    /* uint32_t, within min..max */
    CONF_BOOL,    /* bool: yes/no, true/false, on/off, 1/0 */
    CONF_LIST,    /* struct conf_list: may stand several times, each adds one */
};

struct conf_word {
    const char *const *words; /* ended by NULL */
    char **value;
};

struct conf_list {
    char **items; /* owned */
    size_t count;
};

struct conf_key {
    const char *name;
    enum conf_type type;
    void *value;
    uint32_t min, max; /* CONF_UINT, CONF_STRING */
};

/* Reads path by the table keys (ended by name == NULL). Values not named keep what they were. Returns 0;
 * -1 with a sentence that names file and line for an unknown key, a value out of range or a broken line;
 * a file that cannot be read is -1 with errno ENOENT and so on. */
int conf_read(const char *path, const struct conf_key *keys, struct err *err);
/* Sets one "key=value", as from a command line. */
int conf_set(const struct conf_key *keys, const char *name, const char *value, struct err *err);
void conf_list_clear(struct conf_list *list);

#endif
