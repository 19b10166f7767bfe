/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_say.c - sentences that must not get lost
 *
 * Open MPI 4.1's own way for help texts collects them at mpirun and now and then loses one there
 * ("Data unpack would read past end of buffer"). What ends a process, or refuses a call, goes
 * straight to its standard error. */
#include "mca-component/pml_p2prep/pml_p2prep.h"

#include <opal/util/show_help.h>

#include <stdarg.h>

void p2prep_say(const char *topic, ...)
{
    va_list ap;
    va_start(ap, topic);
    char *text = opal_show_help_vstring("help-mpi-pml-p2prep.txt", topic, true, ap);
    va_end(ap);
    if (text)
        fputs(text, stderr);
    fflush(stderr);
    free(text);
}
