/* SPDX-License-Identifier: BSD-3-Clause */
/* tree.h - a heap over positions 0 .. count - 1, some of them lost: who reports to whom
 *
 * The fixed tree has parent (p - 1) / 2. A lost position's children report to its nearest living
 * ancestor; where none lives, to the first living position, which is the root then. */
#ifndef P2PMPI_COLL_TREE_H
#define P2PMPI_COLL_TREE_H

#include <stdbool.h>
#include <stddef.h>

#define TREE_NONE ((size_t)-1)

struct tree {
    size_t count;
    const bool *lost; /* borrowed: count of them */
};

size_t tree_root(const struct tree *tree);                    /* TREE_NONE: all are lost */
size_t tree_parent(const struct tree *tree, size_t position); /* TREE_NONE for the root */
/* Does position belong to top's subtree in the fixed tree? Every position does to itself. */
bool tree_is_below(size_t top, size_t position);

#endif
