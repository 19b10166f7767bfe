/* SPDX-License-Identifier: BSD-3-Clause */
/* tree.c - a heap over positions 0 .. count - 1, some of them lost: who reports to whom */
#include "config.h"
#include "coll/tree.h"

size_t tree_root(const struct tree *tree)
{
    for (size_t position = 0; position < tree->count; position++)
        if (!tree->lost[position])
            return position;
    return TREE_NONE;
}

size_t tree_parent(const struct tree *tree, size_t position)
{
    for (size_t above = position; above > 0;) {
        above = (above - 1) / 2;
        if (!tree->lost[above])
            return above;
    }
    size_t root = tree_root(tree);
    return root == position ? TREE_NONE : root;
}

bool tree_is_below(size_t top, size_t position)
{
    while (position > top)
        position = (position - 1) / 2;
    return position == top;
}
