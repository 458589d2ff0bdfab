#!/bin/bash
# dpkg-deb, dpkg-query, dpkg with a root of its own, apt-cache: packages made, read, installed, removed
# packages: dpkg apt
# programs: dpkg-deb dpkg-query apt-cache dpkg
# slow
. "$REAL/common.sh"
cd tmp; export SOURCE_DATE_EPOCH=1700000000
for n in 1 2; do mkdir -p p$n/DEBIAN p$n/usr/share/p$n; printf 'Package: p%d\nVersion: %d.0\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: d\n more\n' $n $n > p$n/DEBIAN/control; for i in {1..60}; do seq $i 200 > p$n/usr/share/p$n/f$i; done; find p$n -exec touch -d @1700000000 {} +; dpkg-deb --root-owner-group -Zxz -b p$n ../out/p$n.deb; done
dpkg-deb -I ../out/p1.deb | grep -v bytes; dpkg-deb -c ../out/p2.deb | wc -l; dpkg-deb -x ../out/p1.deb x; diff -r p1/usr x/usr && echo same; dpkg-query -W -f '${Package} ${Version}\n' bash 'libc*-dev' dpkg; dpkg -S /bin/bash; dpkg -L bash | sha256sum; dpkg --compare-versions 1.0~a lt 1.0 && echo less
mkdir -p root/var/lib/dpkg/{updates,info,triggers}; touch root/var/lib/dpkg/{status,available}; if [ "$(id -u)" = 0 ]; then dpkg --root=root --log=log --force-not-root --force-bad-path -i ../out/p1.deb ../out/p2.deb > o; dpkg --root=root --log=log -r p1 >> o; grep -c -v Reading o; ls root/usr/share; cut -d' ' -f3- log | sort | uniq -c; fi
apt-cache policy bash | head -n 3; apt-cache show bash | grep -c Package; apt-cache depends bash; apt-config dump | grep -c ::; dpkg-deb -I absent.deb 2>/dev/null || echo "status $?"
