/* SPDX-License-Identifier: BSD-3-Clause */
/* alike.c - what unlike hosts must be told so that processes on them compute the same bits */
#include "config.h"

#include "base/alike.h"

#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct alike settings[] = {
    {"PYTHONHASHSEED", "0"}, /* the order of Python's sets */
    {"GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F"}, /* libm: exp, sin, pow */
    {"OPENBLAS_CORETYPE", "NEHALEM"},
    {"BLIS_ARCH_TYPE", "generic"},
    {"MKL_CBWR", "SSE4_2"},
    {"NPY_DISABLE_CPU_FEATURES",
     NULL},                    /* numpy's word for it; complains of what it does not know */
    {"OMP_NUM_THREADS", NULL}, /* sums are split by it */
    {"OMP_DYNAMIC", "FALSE"},
    {"OPENBLAS_NUM_THREADS", NULL},
    {"MKL_NUM_THREADS", NULL},
    {"LC_ALL", NULL}, /* how numbers are read and texts sorted */
    {"LC_NUMERIC", NULL},
    {"LC_COLLATE", NULL},
    {"LANG", NULL},
};

const struct alike *alike_at(size_t i)
{
    return i < sizeof settings / sizeof settings[0] ? &settings[i] : NULL;
}

/* The level of the x86-64 ABI, as far as floating point goes. */
static const char *cpu_level(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f"))
        return "x86-64-v4";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return "x86-64-v3";
    return __builtin_cpu_supports("sse4.2") ? "x86-64-v2" : "x86-64";
#else
    return "other";
#endif
}

/* Was every library told which processor to take? */
static int is_told(void)
{
    const char *glibc = getenv("GLIBC_TUNABLES");

    return glibc != NULL && strstr(glibc, "glibc.cpu.hwcaps=") != NULL &&
           getenv("OPENBLAS_CORETYPE") != NULL;
}

void alike_host(char *text, size_t size)
{
    snprintf(text, size, "glibc %s\n%s%s%s", gnu_get_libc_version(), is_told() ? "" : "processor ",
             is_told() ? "" : cpu_level(), is_told() ? "" : "\n");
}
