/* SPDX-License-Identifier: BSD-3-Clause */
/* cli_table.h - rows and columns that fit the terminal */
#ifndef P2PMPI_CLI_CLI_TABLE_H
#define P2PMPI_CLI_CLI_TABLE_H

#include <stddef.h>
#include <stdio.h>

enum {
    TABLE_RIGHT = 1, /* numbers */
    TABLE_WHOLE = 2, /* never cut, although the line gets too long */
    TABLE_SPARE = 4, /* left out when cutting alone does not make the line short enough */
};

struct table_column {
    const char *title;
    int flags;
    unsigned
        min; /* may be cut down to so many characters when the line is too long; 0: never cut */
};
struct table;

struct table *table_create(const struct table_column *columns,
                           size_t count); /* columns are borrowed */
void table_destroy(struct table *table);

/* The next cell, row by row. Bytes that steer terminals become '?'. */
void table_add(struct table *table, const char *text);
void table_addf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Widest columns are cut first, "~" marks where; a column that is empty everywhere is left out, and
 * spare ones, the last first, where there is no room. */
void table_print(const struct table *table, FILE *out);

#endif
