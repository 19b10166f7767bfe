/* SPDX-License-Identifier: BSD-3-Clause */
/* rand.c - random numbers: unguessable ones from the kernel, repeatable ones from a seed */
#include "config.h"
#include "base/rand.h"

#include "base/hex.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void rand_bytes(void *out, size_t size)
{
    unsigned char *next = out;

    while (size > 0) {
        ssize_t got = getrandom(next, size, 0);
        if (got < 0 && errno != EINTR)
            abort();
        if (got > 0) {
            next += got;
            size -= (size_t)got;
        }
    }
}

uint64_t rand_u64(void)
{
    uint64_t value;

    rand_bytes(&value, sizeof value);
    return value;
}

void rand_hex(char *out, size_t bytes)
{
    while (bytes-- > 0) {
        unsigned char byte;
        rand_bytes(&byte, 1);
        hex_encode(&byte, 1, out);
        out += 2;
    }
}

void prng_seed(struct prng *prng, uint64_t seed)
{
    prng->state = seed;
}

uint64_t prng_u64(struct prng *prng)
{
    uint64_t z = (prng->state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t prng_below(struct prng *prng, uint32_t bound)
{
    return (uint32_t)(prng_u64(prng) % bound);
}
