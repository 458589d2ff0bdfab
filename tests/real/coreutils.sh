#!/bin/bash
# sort with threads and runs on disk, join, comm, uniq, split, shuf, tsort, numfmt, sed, grep, find, xargs, diff, patch
# packages: coreutils sed grep findutils diffutils patch
# programs: sort sed grep find xargs diff patch
. "$REAL/common.sh"
seq 1 80000 | awk '{print $1 * 7919 % 80021, "text" $1 % 997}' > tmp/a
sort --parallel=2 -S 300K -T tmp -k2,2 -k1,1nr tmp/a > out/sorted; sort -n -u -k1,1 tmp/a | tail -n 1; sort -R --random-source=tmp/a tmp/a | sha256sum
sort -k1,1 tmp/a > tmp/b; join -o 1.2,2.2 tmp/b <(seq 1 50000 | sort | sed 's/$/ x/') | sort | uniq -c | sort -rn | head -n 2
shuf --random-source=tmp/a -n 5 tmp/a; split -n l/7 --additional-suffix=.s tmp/a tmp/p; wc -l tmp/p*.s; cksum tmp/a; seq 1 300 | paste -s -d, | fold -w 50 | tail -n 1
seq 1 400 | awk '{print $1, $1 + 1}' | tsort | tail -n 1; numfmt --to=iec 1000000 123456789; comm -12 <(seq 1 2 999 | sort) <(seq 1 3 999 | sort) | wc -l; factor 1234567890123456789
sed -E -n '/7$/{N;N;s/\n/+/g;p}' tmp/a | sha256sum; sed -i.bak '1~3d;s/text\(.\)/\1&/g' tmp/a; grep -c -E '(text1).*[02468]$' tmp/a; grep -P -o '(?<=text)\d{3}$' tmp/a | sort -u | wc -l; grep -rl --include='*.s' 'text99' tmp | wc -l
find tmp -type f -size +1k -printf '%f\n' | sort | xargs -n 3 -P 2 echo > tmp/x; sort tmp/x | wc -w; seq 1 500 | xargs -P 4 -n 20 sh -c 'echo $#' sh | sort | uniq -c
cp tmp/a.bak tmp/c; diff -u tmp/a tmp/c > tmp/d || true; (cd tmp && patch -s -o patched a d && cmp patched c && echo patched); diff3 -m tmp/paa.s tmp/pab.s tmp/paa.s | sha256sum; date -d @86400 -u +%F; od -An -tx1 -N16 tmp/a; ls -l tmp | wc -l; stat -c '%s %F' tmp/a; head -c 100000 tmp/c | base64 | sha512sum; tac tmp/a | nl | tail -n 1; expr substr abcdef 2 3; ls /absent || echo "status $?"
