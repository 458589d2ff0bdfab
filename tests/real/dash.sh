#!/bin/bash
# dash: a script of a few hundred forks, here-documents, traps, arithmetic
# packages: dash
# programs: dash
# status: 5
. "$REAL/common.sh"
cat > tmp/w.sh <<'S'
i=0; while [ $i -lt 200 ]; do i=$(($(echo $i) + 1)); (x=$i; : $x); done; echo $i
f() { [ "$1" -eq 0 ] && return 3; f $(($1 - 1)); }; f 200; echo $?
for x in $(seq 1 2000); do eval "v$x=$((x * 3))"; done; echo $v1999 $(set | wc -l | awk '{print ($1 > 2000)}')
cat <<H | tr a-z A-Z
here $(echo document) $((6 * 7))
H
case abc in a*c) echo case;; esac; IFS=:; set -- $(echo a:b:c); echo $# "$*"; echo "${PWD##*/}" ${unset:-default}
trap 'echo trapped $?; exit 5' EXIT; seq 1 500 | while read -r n; do echo $((n * n)); done | sort -rn | head -n 2; kill -0 $$ && nosuchcommand
S
sh tmp/w.sh
