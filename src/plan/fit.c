/* SPDX-License-Identifier: BSD-3-Clause */
/* fit.c - does a program run on a host: what its ELF headers ask against what the host told of
 * itself */
#include "config.h"
#include "plan/fit.h"

#include <stdlib.h>
#include <string.h>

/* Reads the next part of a dotted number and steps behind its dot. No digits: 0, and the text ends.
 */
static unsigned long version_part(const char **text)
{
    char *end;

    if (**text < '0' || **text > '9') {
        *text = "";
        return 0;
    }
    unsigned long part = strtoul(*text, &end, 10);
    *text = *end == '.' ? end + 1 : "";
    return part;
}

int version_compare(const char *a, const char *b)
{
    while (*a != '\0' || *b != '\0') {
        unsigned long left = version_part(&a), right = version_part(&b);
        if (left != right)
            return left < right ? -1 : 1;
    }
    return 0;
}

bool version_is_of(const char *version, const char *series)
{
    size_t length = strlen(series);

    return strncmp(version, series, length) == 0 &&
           (version[length] < '0' || version[length] > '9');
}

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

enum fit_lack fit_check(const Wire__HostInfo *host, const Wire__Needs *needs, struct err *err)
{
    if (host == NULL || needs == NULL)
        return FIT_MET;
    if (is_given(needs->arch) && is_given(host->arch) && strcmp(needs->arch, host->arch) != 0) {
        err_set(err, "is %s, the program is for %s", host->arch, needs->arch);
        return FIT_ARCH;
    }
    if (is_given(needs->glibc) && is_given(host->glibc) &&
        version_compare(host->glibc, needs->glibc) < 0) {
        err_set(err, "has glibc %s, the program needs %s or newer", host->glibc, needs->glibc);
        return FIT_GLIBC;
    }
    if (is_given(needs->mpi) && !is_given(host->mpi)) {
        err_set(err, "has no Open MPI, the program needs %s", needs->mpi);
        return FIT_NO_MPI;
    }
    if (is_given(needs->mpi) && !version_is_of(host->mpi, needs->mpi)) {
        err_set(err, "has Open MPI %s, the program needs %s", host->mpi, needs->mpi);
        return FIT_MPI;
    }
    if (needs->p2prep && !host->p2prep) {
        err_set(err, "has no component p2prep, which replicas need");
        return FIT_P2PREP;
    }
    return FIT_MET;
}
