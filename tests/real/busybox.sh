#!/bin/bash
# busybox: its shell and its applets, all one program that forks without exec
# packages: busybox
# programs: busybox
. "$REAL/common.sh"
busybox sh -c '
i=0; while [ $i -lt 60 ]; do i=$(busybox expr $i + 1); done; echo $i
busybox seq 1 3000 | busybox sort -r | busybox awk "{ a[\$1 % 7] += \$1 } END { for (k in a) s += a[k]; print s }"
busybox seq 1 20000 > tmp/f; busybox gzip -c tmp/f | busybox gunzip -c | busybox md5sum; busybox bzip2 -c tmp/f | busybox bunzip2 -c | busybox sha1sum
busybox mkdir tmp/d; split -l 1000 tmp/f tmp/d/; busybox tar -cf tmp/t.tar tmp/d; busybox tar -tf tmp/t.tar | busybox wc -l
busybox find tmp/d -type f -exec busybox wc -l {} + | busybox tail -n 1; busybox sed -n "s/^\(1\)\(.*\)$/\2\1/p" tmp/f | busybox head -n 3
busybox diff tmp/d/aa tmp/d/ab | busybox wc -l; busybox vi -h >/dev/null 2>&1; busybox cpio --help >/dev/null 2>&1; echo "2 3 + p" | busybox dc; busybox printf "%05d\n" 42'
