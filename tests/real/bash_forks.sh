#!/bin/bash
# bash: two thousand forks: subshells, pipelines, command and process substitution, traps, jobs
# packages: bash
# programs: bash
# children: off
# slow
. "$REAL/common.sh"
n=0; for i in {1..600}; do n=$((n + $(echo "$i"))); done; echo "$n"
for i in {1..300}; do (exit $((i % 7))) || n=$((n + $?)); done; echo "$n"
for i in {1..60}; do (
  for j in 1 2 3 4 5 6 7; do (: "$i$j") & done
  wait
); done
for i in {1..120}; do echo "$i" | { read -r x; echo $((x * x)); } | { read -r x; [ "$x" -ge 0 ]; }; done
cat <(echo one) <(echo two); coproc { while read -r l; do echo "got $l"; done; }
for i in 1 2 3; do echo "$i" >&"${COPROC[1]}"; read -r l <&"${COPROC[0]}"; echo "$l"; done; eval "exec ${COPROC[1]}>&-"; wait
declare -A a; for i in {1..4000}; do a[$((i % 50))]+="x$i "; done; for k in $(printf '%s\n' "${!a[@]}" | sort -n | head -n 5); do echo "$k ${#a[$k]}"; done
f() { local x=$1; ((x == 0)) || f $((x - 1)); }; f 300; trap 'echo trapped' USR1; kill -USR1 $$; (kill -TERM $BASHPID) || echo "status $?"
s=; for i in {1..3000}; do s+=$i; done; [[ $s =~ 2999(3000)$ ]] && echo "${BASH_REMATCH[1]} ${#s} ${s//1/}" | sha256sum; mapfile -t lines < <(seq 5000); echo "${#lines[@]} ${lines[-1]}"
