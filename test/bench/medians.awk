# SPDX-License-Identifier: BSD-3-Clause
# medians.awk - medians, and ratios of runs side by side with their standard error

# sorts v[1..n]
function sort(v, n,    i, j, x) {
    for (i = 2; i <= n; i++) {
        x = v[i]
        for (j = i - 1; j > 0 && v[j] > x; j--)
            v[j + 1] = v[j]
        v[j + 1] = x
    }
}

# of v[1..n], which gets sorted
function median(v, n) {
    sort(v, n)
    return (v[int((n + 1) / 2)] + v[int(n / 2) + 1]) / 2
}

# as text; v[1..n] are ratios of runs side by side: their median, and after the ± its standard error as far as quartiles tell
function ratio_text(v, n,    m) {
    m = median(v, n)
    return sprintf("%7.3f ±%5.3f", m, 0.93 * (v[int((3 * n + 3) / 4)] - v[int((n + 3) / 4)]) / sqrt(n))
}
