/* SPDX-License-Identifier: BSD-3-Clause */
/* libpath.h - where the dynamic loader of this host would find a library (ld.so(8))
 *
 * The order is the loader's: DT_RPATH of the object and those that loaded it (unless it has a
 * DT_RUNPATH), LD_LIBRARY_PATH, DT_RUNPATH, /etc/ld.so.cache, default directories. Variants for one
 * CPU (glibc-hwcaps) are passed over on purpose: what is found here may have to run elsewhere. */
#ifndef P2PMPI_STAGE_LIBPATH_H
#define P2PMPI_STAGE_LIBPATH_H

#include "stage/elf.h"

struct libpath;

/* Reads root/etc/ld.so.cache (absent or broken: default directories alone serve). root: "" is this
 * host; a test gives a directory of its own. library_path: LD_LIBRARY_PATH or NULL. */
struct libpath *libpath_create(const char *root, const char *library_path);
void libpath_destroy(struct libpath *libpath);

struct libpath_object {                  /* an object that asks for libraries */
    const struct elf *elf;               /* borrowed */
    const char *dir;                     /* where it lies, for $ORIGIN; borrowed */
    const struct libpath_object *loader; /* who asked for it; NULL: the program */
};

/* Finds soname for object (NULL: for anybody; machine and bits then say what fits). Returns the
 * path, allocated, with the library's headers in *elf_out when elf_out is not NULL; NULL: not here.
 */
char *libpath_find(struct libpath *libpath, const char *soname, const struct libpath_object *object,
                   const char *machine, unsigned bits, struct elf **elf_out);

#endif
