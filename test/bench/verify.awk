# SPDX-License-Identifier: BSD-3-Clause
# verify.awk - with medians.awk: a table from files of "KERNEL WALL CPU" lines: with pml_p2prep_verify, without, without again
# -v medium= pairs= for the head
FNR == 1 { file++ }
{
    if (!($1 in known)) {
        known[$1] = 1
        kernels[++kernels_n] = $1
    }
    n = ++count[file, $1]
    value[file, $1, 2, n] = $2
    value[file, $1, 3, n] = $3
}

function compare(this, than, kernel, column,    i, v) {
    for (i = 1; i <= count[this, kernel]; i++)
        v[i] = value[this, kernel, column, i] / (value[than, kernel, column, i] + 1e-9)
    return ratio_text(v, count[this, kernel])
}

function column_median(file, kernel, column,    i, v) {
    for (i = 1; i <= count[file, kernel]; i++)
        v[i] = value[file, kernel, column, i]
    return median(v, count[file, kernel])
}

function print_row(kernel, name, column,    ratio) {
    ratio = compare(1, 2, kernel, column)
    printf "%-8s %-5s %9.3f %9.3f  %s %s %s\n", kernel, name, column_median(1, kernel, column), column_median(2, kernel, column), ratio, \
        (ratio + 0 > 1.02 ? ">" : " "), compare(3, 2, kernel, column)
}

END {
    printf "%-4s %3d of each, s  verified   without  verified / without  without again\n", medium, pairs
    for (i = 1; i <= kernels_n; i++) {
        print_row(kernels[i], "wall", 2)
        print_row(kernels[i], "CPU", 3)
    }
}
