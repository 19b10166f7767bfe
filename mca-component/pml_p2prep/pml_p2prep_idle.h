/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_idle.h - a process that waits for long leaves its core to others */
#ifndef PML_P2PREP_IDLE_H
#define PML_P2PREP_IDLE_H

/* Where processes share cores (opal_progress_yield_when_idle): after each call of progress, without
 * locks; n: what it found. A process that found nothing many times in a row sleeps now and then,
 * until bytes come (tcp), half a millisecond at most. */
void p2prep_idle(int n);

#endif
