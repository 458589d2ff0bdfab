#!/bin/bash
# gawk: arrays of arrays, sorting, regular expressions, coprocesses, big numbers, printf
# packages: gawk
# programs: gawk
# status: 6
. "$REAL/common.sh"
seq 1 60000 | gawk '{ a[$1 % 211][$1 % 7] = a[$1 % 211][$1 % 7] $1; n[length($1)]++; if (match($0, /([0-9])\1*7/, m)) c[m[1]]++; gsub(/1/, "one"); t += length }
END { for (i in a) for (j in a[i]) s += length(a[i][j]); print s, t, length(n); k = asorti(c, d); for (i = 1; i <= k; i++) printf "%s %d\n", d[i], c[d[i]]
  cmd = "sort -rn"; for (i = 0; i < 2000; i++) print i * 7919 % 2003 |& cmd; close(cmd, "to"); cmd |& getline x; print x; while (("echo one; echo two" | getline line) > 0) print "got", line
  PROCINFO["sorted_in"] = "@val_num_desc"; for (i = 0; i < 500; i++) z[i] = i * 31 % 499; for (i in z) { print i, z[i]; if (++seen == 3) break }
  print substr(sprintf("%*d", 3000, 5), 2990), toupper("ä"), strftime("%Y", 0, 1), split("a1b22c", parts, /[0-9]+/, seps), seps[2] > "out/g"; printf "to stderr\n" > "/dev/stderr"; exit 6 }'
