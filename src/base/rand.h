/* SPDX-License-Identifier: BSD-3-Clause */
/* rand.h - random numbers: unguessable ones from the kernel, repeatable ones from a seed */
#ifndef P2PMPI_BASE_RAND_H
#define P2PMPI_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

/* Unguessable bytes (getrandom). Never fails: a kernel without entropy ends the program. */
void rand_bytes(void *out, size_t size);
uint64_t rand_u64(void);
/* Writes 2 * bytes lower-case hex digits and a NUL: out holds 2 * bytes + 1 characters. */
void rand_hex(char *out, size_t bytes);

/* A repeatable generator (SplitMix64, Steele et al. 2014): the same seed, the same run. Not for secrets. */
struct prng {
    uint64_t state;
};
void prng_seed(struct prng *prng, uint64_t seed);
uint64_t prng_u64(struct prng *prng);
uint32_t prng_below(struct prng *prng, uint32_t bound); /* 0 .. bound - 1; bound > 0 */

#endif
