#!/bin/bash
# xz, zstd with threads, bzip2, gzip: there and back, dictionaries, tests of broken files
# packages: xz-utils zstd bzip2 gzip
# programs: xz zstd bzip2 gzip
. "$REAL/common.sh"
for n in 1 2 3; do seq 1 "$((n * 40000))"; done > tmp/data
xz -T2 --block-size=200000 -2 -c tmp/data > out/x.xz; xz -dc -T2 out/x.xz | cmp - tmp/data; xz -lv out/x.xz | grep -c CRC
for level in 1 9 17; do zstd -q -T2 -$level -c tmp/data > out/$level.zst; zstd -q -dc out/$level.zst | cmp - tmp/data; done; zstd -q --long=24 -c tmp/data | zstd -q -dc --long=24 | sha256sum
split -n 100 tmp/data tmp/s.; zstd -q --train tmp/s.* -o tmp/dict --maxdict=8000; zstd -q -D tmp/dict -c tmp/s.aa | zstd -q -D tmp/dict -dc | cmp - tmp/s.aa && echo dictionary
bzip2 -k -c tmp/data > out/b.bz2; bzip2 -t out/b.bz2; gzip -n -9 -c tmp/data > out/g.gz; zcat out/g.gz | cmp - tmp/data && echo same; lzma -1 -c tmp/data | unlzma -c | sha256sum
head -c 5000 out/b.bz2 | bunzip2 -c 2>/dev/null | wc -c; head -c 900 out/x.xz | xz -dc | tail -n 1 || echo "status $?"; for tool in xz zstd bzip2 gzip; do $tool -t tmp/data 2>/dev/null || echo "$tool $?"; done
