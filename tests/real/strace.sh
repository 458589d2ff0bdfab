#!/bin/bash
# strace: follows forks and threads of a shell, counts, shows strings
# packages: strace coreutils
# programs: strace bash
. "$REAL/common.sh"
strace -f -qq -o tmp/trace -e trace=openat,execve,wait4,clone,clone3,exit_group bash -c 'for i in {1..20}; do (echo "$i" | cat > /dev/null); done; exit 3' || echo "status $?"
grep -c 'execve(' tmp/trace; grep -c 'exit_group(0' tmp/trace; tail -n 1 tmp/trace | sed 's/^[0-9]* *//'
strace -qq -o tmp/write -e trace=write sort -r <(seq 1 2000) > tmp/sorted; head -n 1 tmp/sorted; head -n 2 tmp/write
strace -c -o tmp/count -f gzip -c /bin/bash | sha256sum; grep -q ' total$' tmp/count && echo counted
