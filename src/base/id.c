/* SPDX-License-Identifier: BSD-3-Clause */
/* id.c - who a peer is: the SHA-256 of its public key */
#include "config.h"
#include "base/id.h"

#include "base/hex.h"

#include <string.h>

bool id_equal(const struct id *a, const struct id *b)
{
    return id_compare(a, b) == 0;
}

bool id_is_zero(const struct id *id)
{
    static const struct id zero;

    return id_equal(id, &zero);
}

int id_compare(const struct id *a, const struct id *b)
{
    return memcmp(a->bytes, b->bytes, ID_SIZE);
}

void id_text(const struct id *id, char out[ID_TEXT_SIZE])
{
    hex_encode(id->bytes, ID_SIZE, out);
}

void id_short(const struct id *id, char out[ID_SHORT_SIZE])
{
    hex_encode(id->bytes, (ID_SHORT_SIZE - 1) / 2, out);
}

int id_parse(const char *text, struct id *id_out)
{
    return hex_decode(text, id_out->bytes, ID_SIZE);
}

int id_from_bytes(const void *bytes, unsigned long size, struct id *id_out)
{
    if (size != ID_SIZE)
        return -1;
    memcpy(id_out->bytes, bytes, ID_SIZE);
    return 0;
}
