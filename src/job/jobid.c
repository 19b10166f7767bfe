/* SPDX-License-Identifier: BSD-3-Clause */
/* jobid.c - the name of a job: 32 hexadecimal digits, lower case, random */
#include "config.h"
#include "job/jobid.h"

#include <string.h>

bool jobid_is_valid(const char *text)
{
    return strspn(text, "0123456789abcdef") == JOBID_SIZE - 1 && text[JOBID_SIZE - 1] == '\0';
}
