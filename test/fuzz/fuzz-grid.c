/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz-grid.c - grid files: net/grid.h */
#include "config.h"
#include "test/fuzz/fuzz.h"

#include "net/grid.h"
#include "net/hostport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct grid grid;
    struct err err;
    struct hostport at;

    if (grid_read(fuzz_path(data, size), &grid, &err) < 0)
        return 0;
    for (size_t i = 0; i < grid.supernodes.count; i++)
        if (hostport_parse(grid.supernodes.items[i], PORT_SUPERNODE, &at, &err) < 0)
            __builtin_trap(); /* grid.h promises it */
    grid_clear(&grid);
    return 0;
}
