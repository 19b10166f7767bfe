#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# summary.sh BUILD - after make check: what was skipped and what failed, and "N passed, N failed, N skipped"
#
# Every TAP line in a test's log counts; a test program without such lines counts once. A program that failed
# without a failed line (a crash, a time-out) counts as one failure more. Exit code 1 when anything failed.
cd "${1:-.}" || exit 1
find . -name '*.trs' ! -path './*/build/*' | sort | while read -r trs; do
    name=${trs#./}
    name=${name%.trs}
    log=${trs%.trs}.log
    result=$(sed -n 's/^:test-result: //p' "$trs" | head -n 1)
    awk -v name="$name" -v result="$result" '
        /^(not )?ok [0-9]+/ {
            text = $0; sub(/^(not )?ok [0-9]+( - | )?/, "", text)
            # cmocka prints "not ok N - # SKIP name"
            if (text ~ /# *SKIP/) { skipped++; sub(/ *# *SKIP */, ": ", text); print "SKIPPED " name text }
            else if ($1 == "not") { failed++; print "FAILED " name ": " text }
            else passed++
        }
        /^1\.\.0 # SKIP/ { sub(/^1\.\.0 # SKIP */, ""); reason = $0 }
        END {
            if (result ~ /^SKIP/) { skipped++; print "SKIPPED " name ": " (reason != "" ? reason : "no reason given") }
            else if (result !~ /^(PASS|XFAIL)/ && !failed) { failed++; print "FAILED " name ": " result }
            else if (result ~ /^PASS/ && !passed && !skipped) passed++
            print "COUNT " passed + 0, failed + 0, skipped + 0
        }' "$log"
done | awk '
    $1 == "COUNT" { passed += $2; failed += $3; skipped += $4; next }
    { print }
    END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit (failed > 0 || passed == 0) }'
