# SPDX-License-Identifier: BSD-3-Clause
# cells.awk - a table from three files of "KIND BYTES VALUE" lines: ours, theirs, theirs again
# -v medium= pairs= for the head, summary= a file that gets "RATIO CELL" lines
FNR == 1 { file++ }
{
    cell = $1 " " $2
    if (file == 1 && !(cell in seen)) {
        seen[cell] = 1
        cells[++cells_n] = cell
    }
    value[file, cell, ++count[file, cell]] = $3
}

# the median of a cell's values in a file
function median(file, cell,    n, i, j, v, sorted) {
    n = count[file, cell]
    for (i = 1; i <= n; i++) {
        v = value[file, cell, i]
        for (j = i - 1; j > 0 && sorted[j] > v; j--)
            sorted[j + 1] = sorted[j]
        sorted[j + 1] = v
    }
    return (sorted[int((n + 1) / 2)] + sorted[int(n / 2) + 1]) / 2
}

# how many times faster than `than` is `this`?
function speedup(kind, this, than) { return kind == "latency" ? than / this : this / than }

BEGIN { unit["latency"] = "us"; unit["rate"] = "k/s"; unit["bandwidth"] = "MB/s" }
END {
    printf "%-3s, %2d runs, medians        p2prep        ob1   ob1 again        ratio   ob1's own\n", medium, pairs
    for (i = 1; i <= cells_n; i++) {
        split(cells[i], part, " ")
        scale = part[1] == "rate" ? 1000 : 1
        for (f = 1; f <= 3; f++)
            m[f] = median(f, cells[i]) / scale
        ratio = speedup(part[1], m[1], m[2])
        printf "%-9s %8d %-4s  %10.3f %10.3f  %10.3f   %7.3f %s  %9.3f\n", part[1], part[2], unit[part[1]], m[1], m[2], m[3], \
            ratio, ratio < 0.97 ? "<" : " ", speedup(part[1], m[3], m[2])
        printf "%.3f (%s, %s, %d bytes)\n", ratio, medium, part[1], part[2] >>summary
    }
}
