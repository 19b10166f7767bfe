/* SPDX-License-Identifier: BSD-3-Clause */
/* px_showhelp.c - the text inside the blob that Open MPI 4.1 logs */
#include "config.h"
#include "pmix-server/px_showhelp.h"

#include <stdbool.h>
#include <stdint.h>

struct reader {
    const unsigned char *at, *end;
    bool is_bad;
};

static uint32_t read_u32(struct reader *reader)
{
    if (reader->end - reader->at < 4) {
        reader->is_bad = true;
        return 0;
    }
    uint32_t value = (uint32_t)reader->at[0] << 24 | (uint32_t)reader->at[1] << 16 |
                     (uint32_t)reader->at[2] << 8 | reader->at[3];
    reader->at += 4;
    return value;
}

static const char *read_string(struct reader *reader)
{
    uint32_t count = read_u32(reader);
    uint32_t length = read_u32(reader);

    if (reader->is_bad || count != 1 || length == 0 ||
        length > (size_t)(reader->end - reader->at) || reader->at[length - 1] != '\0') {
        reader->is_bad = true;
        return NULL;
    }
    const char *text = (const char *)reader->at;
    reader->at += length;
    return text;
}

const char *showhelp_text(const void *bytes, size_t size, const char **topic_out)
{
    struct reader reader = {.at = bytes, .end = (const unsigned char *)bytes + size};

    read_string(&reader);
    *topic_out = read_string(&reader);
    if (read_u32(&reader) != 1 || reader.at == reader.end || *reader.at++ != 1)
        return NULL;
    const char *text = read_string(&reader);
    return reader.is_bad ? NULL : text;
}
