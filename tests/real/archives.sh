#!/bin/bash
# tar, cpio, rsync between folders and with itself over a pipe: many files, links, holes, changes
# packages: tar cpio rsync
# programs: tar cpio rsync
. "$REAL/common.sh"
cd tmp; letters=(a b c d e f g); mkdir -p in/{a..g}; for n in {1..140}; do seq "$((n * 9))" "$((n * 30))" > "in/${letters[n % 7]}/f$n"; done; ln -s a/f7 in/link; ln in/a/f7 in/hard; truncate -s 1M in/hole
tar --sort=name --mtime=@0 --owner=0 --group=0 -cSf ../out/all.tar in; tar -tvf ../out/all.tar | wc -l; mkdir x; tar -xf ../out/all.tar -C x; diff -r in x/in && echo same
tar --sort=name --mtime=@0 --owner=0 --group=0 -czf t.gz in; tar -xzOf t.gz in/b/f8 | sha256sum; tar --listed-incremental=snap -cf i0.tar in; echo more >> in/b/f8; touch -d "10 seconds" in/b/f8; tar --listed-incremental=snap -cf i1.tar in; tar -tf i1.tar | grep f8; tar -xf absent.tar || echo "status $?"
(cd in && find . | sort | cpio -o -H newc --reproducible --quiet) | (mkdir y && cd y && cpio -idm --quiet && find . | wc -l); find in -type f | sort | cpio -o --quiet -H ustar | tar -t | sha256sum
rsync -aHS in/ z/; diff -r in z && echo mirrored; echo changed >> in/c/f2; touch -d @1800000000 in/c/f2; rm in/d/f3; rsync -aOci --delete in/ z/
printf '#!/bin/sh\nshift\nexec "$@"\n' > rsh; chmod +x rsh; rsync -a --no-whole-file --rsh=./rsh in/ localhost:"$PWD/w/"; diff -r in w && echo "over a pipe"; rsync -a --exclude='f1*' --link-dest="$PWD/z" in/ v/; find v -type f -links +1 | wc -l
rsync absent/ u/ 2>/dev/null || echo "status $?"
