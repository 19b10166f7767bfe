/* SPDX-License-Identifier: BSD-3-Clause */
/* px_status.c - PMIx's codes as ours and as sentences */
#include "config.h"
#include "pmix-server/px_status.h"

int px_status_err(struct err *err, pmix_status_t status, const char *what)
{
    return err_set(err, "%s: PMIx says %s (%d)", what, PMIx_Error_string(status), status);
}

pmix_status_t px_status_of_code(Wire__Code code)
{
    switch (code) {
    case WIRE__CODE__OK:
        return PMIX_SUCCESS;
    case WIRE__CODE__ERR_REFUSED:
        return PMIX_ERR_NO_PERMISSIONS;
    case WIRE__CODE__ERR_NO_JOB:
    case WIRE__CODE__ERR_NO_SLOTS:
        return PMIX_ERR_NOT_FOUND;
    case WIRE__CODE__ERR_BUSY:
        return PMIX_ERR_RESOURCE_BUSY;
    case WIRE__CODE__ERR_EXPIRED:
        return PMIX_ERR_TIMEOUT;
    default:
        return PMIX_ERROR;
    }
}
