# SPDX-License-Identifier: BSD-3-Clause
# cells.awk - a table from three files of "KIND BYTES VALUE" lines: ours, theirs, theirs again; the n-th values of a cell ran side by side
# -v medium= pairs= for the head, summary= a file that gets "RATIO CELL" lines
#
# A ratio is the median of the ratios of runs side by side, not of medians: a virtual machine's cores are near each other for some seconds
# and then far (0.16 us or 0.42). After the ± its standard error, as far as quartiles tell.
FNR == 1 { file++ }
{
    cell = $1 " " $2
    if (!(cell in known)) {
        known[cell] = 1
        cells[++cells_n] = cell
    }
    value[file, cell, ++count[file, cell]] = $3
}

# sorts v[1..n]
function sort(v, n,    i, j, x) {
    for (i = 2; i <= n; i++) {
        x = v[i]
        for (j = i - 1; j > 0 && v[j] > x; j--)
            v[j + 1] = v[j]
        v[j + 1] = x
    }
}

# of sorted v[1..n]
function median(v, n) { return (v[int((n + 1) / 2)] + v[int(n / 2) + 1]) / 2 }

function cell_median(file, cell,    n, i, v) {
    n = count[file, cell]
    for (i = 1; i <= n; i++)
        v[i] = value[file, cell, i]
    sort(v, n)
    return median(v, n)
}

# how many times faster than `than` is `this`? Sets ratio and ratio_error
function compare(this, than, cell,    n, i, v) {
    n = count[this, cell]
    for (i = 1; i <= n; i++)
        v[i] = cell ~ /^latency/ ? value[than, cell, i] / value[this, cell, i] : value[this, cell, i] / value[than, cell, i]
    sort(v, n)
    ratio = median(v, n)
    ratio_error = 0.93 * (v[int((3 * n + 3) / 4)] - v[int((n + 3) / 4)]) / sqrt(n)
}

BEGIN { unit["latency"] = "us"; unit["rate"] = "k/s"; unit["bandwidth"] = "MB/s" }
END {
    printf "%-4s %3d runs of each    p2prep        ob1  ob1 again    p2prep / ob1      ob1 again / ob1\n", medium, pairs
    for (i = 1; i <= cells_n; i++) {
        cell = cells[i]
        split(cell, part, " ")
        scale = part[1] == "rate" ? 1000 : 1
        printf "%-9s %8d %-4s", part[1], part[2], unit[part[1]]
        for (f = 1; f <= 3; f++)
            printf " %10.3f", cell_median(f, cell) / scale
        compare(1, 2, cell)
        printf "  %8.3f ±%5.3f %s", ratio, ratio_error, ratio < 0.97 ? "<" : " "
        printf "%.3f (%s, %s, %d bytes)\n", ratio, medium, part[1], part[2] >>summary
        compare(3, 2, cell)
        printf " %8.3f ±%5.3f\n", ratio, ratio_error
    }
}
