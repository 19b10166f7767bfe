# SPDX-License-Identifier: BSD-3-Clause
# replicas.awk - with medians.awk: a table from files of "KERNEL WALL CPU MPI WHOLE-WALL WHOLE-CPU MPI-CPU COMPUTING-CPU" lines: replicas, two copies with
# ob1, those again, two copies with p2prep
# -v medium= pairs= for the head
FNR == 1 { file++ }
{
    if (!($1 in known)) {
        known[$1] = 1
        kernels[++kernels_n] = $1
    }
    n = ++count[file, $1]
    for (column = 2; column <= NF; column++)
        value[file, $1, column, n] = $column
}

function column_median(file, kernel, column,    i, v) {
    for (i = 1; i <= count[file, kernel]; i++)
        v[i] = value[file, kernel, column, i]
    return median(v, count[file, kernel])
}

function compare(this, than, kernel, column,    i, v) {
    for (i = 1; i <= count[this, kernel]; i++)
        v[i] = value[this, kernel, column, i] / (value[than, kernel, column, i] + 1e-9)
    return ratio_text(v, count[this, kernel])
}

function print_row(kernel, name, column,    ratio) {
    ratio = compare(1, 2, kernel, column)
    printf "%-8s %-12s %9.3f %9.3f %6.2f  %s %s %s  %s\n", kernel, name, column_median(1, kernel, column), column_median(2, kernel, column), \
        column_median(2, kernel, 4), ratio, (ratio + 0 > 1.03 && column < 7 ? ">" : " "), compare(3, 2, kernel, column), compare(1, 4, kernel, column)
}

END {
    printf "%-4s %3d of each, s    replicas    copies in MPI  replicas / copies copies again     / copies with p2prep\n", medium, pairs
    for (i = 1; i <= kernels_n; i++) {
        print_row(kernels[i], "wall", 2)
        print_row(kernels[i], "CPU", 3)
        print_row(kernels[i], "  in MPI", 7)
        print_row(kernels[i], "  computing", 8)
        print_row(kernels[i], "whole wall", 5)
        print_row(kernels[i], "whole CPU", 6)
    }
}
