/* SPDX-License-Identifier: BSD-3-Clause */
/* hostcheck.h - may this offer be believed, and can its program run on this host? */
#ifndef P2PMPI_STAGE_HOSTCHECK_H
#define P2PMPI_STAGE_HOSTCHECK_H

#include "base/err.h"
#include "wire/frame.h"

struct hostcheck { /* what this host is, as in Wire__HostInfo; owned by the caller */
    char *arch, *mpi, *glibc;
};

/* The form: paths below the job's directory, hashes and sizes, one program. 0, or -1 with a
 * sentence. */
int hostcheck_offer(const Wire__StageOffer *offer, struct err *err);

/* Architecture, C library, Open MPI's series, interpreters. needs may be NULL. 0, or -1 with the
 * reason. */
int hostcheck_needs(const struct hostcheck *host, const Wire__Needs *needs, struct err *err);

/* The host's C library is version or newer ("": any). who begins the sentence. */
int hostcheck_glibc(const struct hostcheck *host, const char *who, const char *version,
                    struct err *err);

#endif
