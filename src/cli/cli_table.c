/* SPDX-License-Identifier: BSD-3-Clause */
/* cli_table.c - rows and columns that fit the terminal */
#include "config.h"
#include "cli/cli_table.h"

#include "base/mem.h"
#include "cli/cli_text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2

struct table {
    const struct table_column *columns;
    size_t column_count;
    char **cells;
    size_t cell_count;
};

struct table *table_create(const struct table_column *columns, size_t count)
{
    struct table *table = mem_alloc(sizeof *table);

    table->columns = columns;
    table->column_count = count;
    return table;
}

void table_destroy(struct table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}

void table_add(struct table *table, const char *text)
{
    size_t size = strlen(text) + 1;
    char *cell = mem_alloc(size);

    text_safe(text, cell, size);
    table->cells = mem_grow(table->cells, table->cell_count + 1, sizeof(char *));
    table->cells[table->cell_count++] = cell;
}

void table_addf(struct table *table, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    table_add(table, text);
}

/* Characters, not bytes: continuation bytes of UTF-8 take no column. */
static size_t text_length(const char *text)
{
    size_t length = 0;

    for (; *text != '\0'; text++)
        length += ((unsigned char)*text & 0xc0) != 0x80;
    return length;
}

/* Bytes of the first count characters. */
static size_t text_cut(const char *text, size_t count)
{
    size_t i = 0;

    for (; text[i] != '\0'; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80 && count-- == 0)
            break;
    return i;
}

static void measure(const struct table *table, size_t *widths)
{
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t column = i % table->column_count, length = text_length(table->cells[i]);
        if (length > 0 && widths[column] < text_length(table->columns[column].title))
            widths[column] = text_length(table->columns[column].title);
        if (length > widths[column])
            widths[column] = length;
    }
}

/* What all columns take at least. */
static size_t least_width(const struct table *table, const size_t *widths)
{
    size_t sum = 0;

    for (size_t i = 0; i < table->column_count; i++) {
        unsigned min = table->columns[i].min;
        size_t width = min > 0 && widths[i] > min ? min : widths[i];
        sum += width + (width > 0 && sum > 0 ? GAP : 0);
    }
    return sum;
}

/* Leaves out columns that one can do without, the last one first. */
static void spare(const struct table *table, size_t *widths, size_t room)
{
    for (size_t i = table->column_count; i-- > 0 && least_width(table, widths) > room;)
        if ((table->columns[i].flags & TABLE_SPARE) != 0)
            widths[i] = 0;
}

static void fit(const struct table *table, size_t *widths, size_t room)
{
    spare(table, widths, room);
    for (;;) {
        size_t sum = 0, widest = table->column_count;
        for (size_t i = 0; i < table->column_count; i++) {
            unsigned min = table->columns[i].min;
            sum += widths[i] + (widths[i] > 0 && sum > 0 ? GAP : 0);
            if (min > 0 && widths[i] > min &&
                (widest == table->column_count || widths[i] > widths[widest]))
                widest = i;
        }
        if (sum <= room || widest == table->column_count)
            return;
        widths[widest]--;
    }
}

static void print_cell(const struct table *table, const size_t *widths, size_t column,
                       const char *text, FILE *out)
{
    size_t length = text_length(text), width = widths[column];
    int flags = table->columns[column].flags;
    int last = 1;

    for (size_t i = column + 1; i < table->column_count; i++)
        last = last && widths[i] == 0;
    if (length > width && (flags & TABLE_WHOLE) == 0) {
        fprintf(out, "%.*s~", (int)text_cut(text, width - 1), text);
        length = width;
    } else {
        if (length < width && (flags & TABLE_RIGHT) != 0)
            fprintf(out, "%*s", (int)(width - length), "");
        fputs(text, out);
        if ((flags & TABLE_RIGHT) != 0 && length < width)
            length = width;
    }
    if (!last)
        fprintf(out, "%*s", (int)(length < width ? width - length + GAP : GAP), "");
}

void table_print(const struct table *table, FILE *out)
{
    size_t *widths = mem_array(table->column_count, sizeof *widths);

    measure(table, widths);
    fit(table, widths, text_width(fileno(out)));
    for (size_t i = 0; i < table->column_count; i++)
        if (widths[i] > 0)
            print_cell(table, widths, i, table->columns[i].title, out);
    fputc('\n', out);
    for (size_t i = 0; i < table->cell_count; i++) {
        if (widths[i % table->column_count] > 0)
            print_cell(table, widths, i % table->column_count, table->cells[i], out);
        if ((i + 1) % table->column_count == 0)
            fputc('\n', out);
    }
    free(widths);
}
