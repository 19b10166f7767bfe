/* SPDX-License-Identifier: BSD-3-Clause */
/* run_list.c - lists on a command line and in files: host names with slots, strings */
#include "config.h"
#include "tools/run_list.h"

#include "base/file.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIST_FILE_MAX (4u << 20)
#define SLOTS_MAX     65536

void run_strings_add(struct run_strings *list, const char *text)
{
    list->items = mem_grow(list->items, list->count + 1, sizeof list->items[0]);
    list->items[list->count++] = mem_string(text);
}

void run_strings_clear(struct run_strings *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct run_strings){NULL, 0};
}

int run_number(const char *text, uint32_t min, uint32_t max, uint32_t *number_out)
{
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return -1;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < min || number > max)
        return -1;
    *number_out = (uint32_t)number;
    return 0;
}

static void add_host(struct run_hosts *list, const char *name, uint32_t slots, bool given)
{
    for (size_t i = 0; i < list->count; i++) {
        struct run_host *host = &list->items[i];
        if (strcmp(host->name, name) != 0)
            continue;
        uint32_t before = host->slots_given ? host->slots : 1;
        host->slots = before + (given ? slots : 1);
        host->slots_given = true;
        return;
    }
    list->items = mem_grow(list->items, list->count + 1, sizeof list->items[0]);
    list->items[list->count++] = (struct run_host){mem_string(name), given ? slots : 0, given};
}

/* "name" or "name:2". An IPv6 address has more colons and stands in brackets when slots follow. */
static int add_wish(struct run_hosts *list, char *text, struct err *err)
{
    char *name = text, *colon = strrchr(text, ':');
    uint32_t slots = 0;
    bool given = false;

    if (text[0] == '[') {
        char *close = strchr(text, ']');
        if (close == NULL || (close[1] != ':' && close[1] != '\0'))
            return err_set(err, "--host: \"%s\" has no closing bracket", text);
        colon = close[1] == ':' ? close + 1 : NULL;
        *close = '\0';
        name = text + 1;
    } else if (colon != NULL && strchr(text, ':') != colon) {
        colon = NULL;
    }
    if (colon != NULL) {
        *colon = '\0';
        if (run_number(colon + 1, 1, SLOTS_MAX, &slots) < 0)
            return err_set(err, "--host: \"%s\" needs a number of slots from 1 to %d, not \"%s\"",
                           name, SLOTS_MAX, colon + 1);
        given = true;
    }
    if (name[0] == '\0')
        return err_set(err, "--host: a host has no name");
    add_host(list, name, slots, given);
    return 0;
}

int run_hosts_add(struct run_hosts *list, const char *text, struct err *err)
{
    char *copy = mem_string(text), *rest = copy;
    size_t before = list->count;
    int result = 0;

    for (char *part = strsep(&rest, ","); part != NULL && result == 0; part = strsep(&rest, ","))
        if (part[0] != '\0')
            result = add_wish(list, part, err);
    if (result == 0 && before == list->count && strspn(text, ",") == strlen(text))
        result = err_set(err, "--host: no host is named");
    free(copy);
    return result;
}

static int read_host_line(struct run_hosts *list, char *line, struct err *err)
{
    char *save = NULL, *name = strtok_r(line, " \t\r", &save), *word;
    uint32_t slots = 0, unused;
    bool given = false;

    if (name == NULL)
        return 0;
    while ((word = strtok_r(NULL, " \t\r", &save)) != NULL) {
        if (strncmp(word, "slots=", 6) == 0) {
            if (run_number(word + 6, 1, SLOTS_MAX, &slots) < 0)
                return err_set(err, "\"%s\" is not a number of slots from 1 to %d", word + 6,
                               SLOTS_MAX);
            given = true;
        } else if (strncmp(word, "max_slots=", 10) == 0 || strncmp(word, "max-slots=", 10) == 0) {
            if (run_number(word + 10, 0, SLOTS_MAX, &unused) < 0)
                return err_set(err, "\"%s\" is not a number of slots", word + 10);
        } else {
            return err_set(err, "\"%s\" is not known here; lines are \"name slots=N\"", word);
        }
    }
    add_host(list, name, slots, given);
    return 0;
}

int run_hosts_read(struct run_hosts *list, const char *path, struct err *err)
{
    char *text = file_read(path, LIST_FILE_MAX, NULL, err), *rest = text;
    unsigned number = 0;
    int result = 0;

    if (text == NULL)
        return -1;
    for (char *line = strsep(&rest, "\n"); line != NULL && result == 0;
         line = strsep(&rest, "\n")) {
        number++;
        line[strcspn(line, "#")] = '\0';
        if (read_host_line(list, line, err) < 0)
            result = err_prefix(err, "%s line %u", path, number);
    }
    if (result == 0 && list->count == 0)
        result = err_set(err, "%s names no host", path);
    free(text);
    return result;
}

void run_hosts_clear(struct run_hosts *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].name);
    free(list->items);
    *list = (struct run_hosts){NULL, 0};
}
