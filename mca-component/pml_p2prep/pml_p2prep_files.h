/* SPDX-License-Identifier: BSD-3-Clause */
/* pml_p2prep_files.h - with replicas: files that the ranks of a set write together */
#ifndef PML_P2PREP_FILES_H
#define PML_P2PREP_FILES_H

/* Puts ours in the place of MPI_File_open: who would read from a file what a dead process of its
 * own set would have written leaves, with a sentence, and its siblings go on. */
void p2prep_files_open(void);

#endif
