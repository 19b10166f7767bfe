/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz-chain.c - certificates sent by others: net/certificate.h */
#include "config.h"
#include "test/fuzz/fuzz.h"

#include "net/certificate.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct membership membership = {.grid = "lab"};
    struct id id;
    struct err err;
    STACK_OF(X509) *chain = chain_decode(data, size, &err);

    if (chain == NULL)
        return 0;
    for (int i = 0; i < sk_X509_num(chain); i++)
        certificate_check(sk_X509_value(chain, i), chain, &membership, 1700000000, &id, &err);
    sk_X509_pop_free(chain, X509_free);
    return 0;
}
