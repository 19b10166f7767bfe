/* SPDX-License-Identifier: BSD-3-Clause */
/* px_status.h - PMIx's codes as ours and as sentences; codes of ours that PMIx carries */
#ifndef P2PMPI_PX_STATUS_H
#define P2PMPI_PX_STATUS_H

#include "base/err.h"
#include "wire/frame.h"

#include <pmix.h>

/* A rank died without PMIx_Finalize. Below PMIX_EXTERNAL_ERR_BASE, so no library uses it;
 * docs/pmix.md. */
#define PX_EVENT_RANK_DIED (-30001)

/* Writes "what: text of status". Returns -1. */
int px_status_err(struct err *err, pmix_status_t status, const char *what);

/* What a rank hears when p2pmpid answers with an Error. */
pmix_status_t px_status_of_code(Wire__Code code);

#endif
