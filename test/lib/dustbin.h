/* SPDX-License-Identifier: BSD-3-Clause */
/* dustbin.h - a test's directory that goes when the test is gone, however that came about: ended,
 * failed, interrupted or killed */
#ifndef P2PMPI_TEST_DUSTBIN_H
#define P2PMPI_TEST_DUSTBIN_H

/* Makes a directory after mkdtemp()'s template `path`. A process of its own removes it with all
 * that is in it, once neither the caller nor what it forked or started afterwards is there. Whoever
 * closes the descriptor that is returned does not count any more. -1: errno. */
int dustbin_open(char *path);

#endif
