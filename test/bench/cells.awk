# SPDX-License-Identifier: BSD-3-Clause
# cells.awk - with medians.awk: a table from three files of "KIND BYTES VALUE" lines: ours, theirs, theirs again; the n-th values of a cell
# ran side by side
# -v medium= pairs= for the head, summary= a file that gets "RATIO CELL" lines
#
# A ratio is the median of the ratios of runs side by side, not of medians: a virtual machine's cores are near each other for some seconds
# and then far (0.16 us or 0.42).
FNR == 1 { file++ }
{
    cell = $1 " " $2
    if (!(cell in known)) {
        known[cell] = 1
        cells[++cells_n] = cell
    }
    value[file, cell, ++count[file, cell]] = $3
}

function cell_median(file, cell,    i, v) {
    for (i = 1; i <= count[file, cell]; i++)
        v[i] = value[file, cell, i]
    return median(v, count[file, cell])
}

# how many times faster than `than` is `this`?
function compare(this, than, cell,    i, v) {
    for (i = 1; i <= count[this, cell]; i++)
        v[i] = cell ~ /^latency/ ? value[than, cell, i] / value[this, cell, i] : value[this, cell, i] / value[than, cell, i]
    return ratio_text(v, count[this, cell])
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
        ratio = compare(1, 2, cell)
        printf "   %s %s   %s\n", ratio, ratio + 0 < 0.97 ? "<" : " ", compare(3, 2, cell)
        printf "%.3f (%s, %s, %d bytes)\n", ratio, medium, part[1], part[2] >>summary
    }
}
