#!/bin/bash
# ps, lsof, free, top, ip-less views of the system: processes and open files of the scenario itself
# packages: procps lsof psmisc util-linux
# programs: ps lsof pgrep top pstree lsblk
. "$REAL/common.sh"
sleep 1000 & one=$!; tail -f /dev/null & two=$!; servers+=("$one" "$two")
await sh -c "[ \$(ps -o comm= -p $one,$two | grep -c -E 'sleep|tail') = 2 ]"
ps -o comm=,stat= -p "$one,$two" | sort | tr -s ' '; ps -eLf | wc -l | grep -c .; pgrep -P $$ -c; pgrep -P $$ -x sleep | wc -l; lsof -p "$two" -a -d 0-9 -F fn | grep -v -E '^p|pipe' | sort; lsof -n -P -w | wc -l | grep -c .
top -b -n 1 | grep -c '^Tasks'; pstree -A $$ | head -n 1 | cut -c1-4; free -b | wc -l; vmstat 1 2 | wc -l; lscpu | grep -c .| grep -c .; mount | wc -l | grep -c .; lsblk -n >/dev/null 2>&1; echo "lsblk $?"; pidof sleep | grep -c -w "$one"; kill "$one"; wait "$one" || echo "status $?"; uptime | grep -c average; w -h | wc -l; slabtop -o 2>/dev/null | head -n 1 | wc -l; pmap -q "$two" | grep -c heaptag >/dev/null || true; prlimit --nofile=100:200 sh -c 'ulimit -n'; flock tmp/lock -c 'echo locked'; hexdump -C /bin/bash | head -n 2; setsid -w sh -c 'exit 3' || echo "status $?"; column -t <(seq 1 400 | paste - - - -) | sha256sum; getopt -o ab: -l long -- -a -b x --long y
