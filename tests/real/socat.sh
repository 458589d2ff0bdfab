#!/bin/bash
# socat: an echo server that forks per connection, unix and TCP sockets, TLS, exec, pty
# packages: socat openssl
# programs: socat
. "$REAL/common.sh"
serve socat "TCP-LISTEN:$PORT,bind=127.0.0.1,reuseaddr,fork" EXEC:'tr a-z A-Z'; await listening
for i in {1..25}; do echo "hello $i" | socat -t 5 - "TCP:127.0.0.1:$PORT"; done
seq 1 50000 | socat -t 5 - "TCP:127.0.0.1:$PORT" | sha256sum
serve socat UNIX-LISTEN:tmp/s,fork PIPE; await test -S tmp/s; for i in {1..10}; do seq "$i" | socat -t 5 - UNIX:tmp/s | tail -n 1; done; socat EXEC:'seq 5',pty,raw,echo=0 STDOUT; socat - UNIX:tmp/absent 2>/dev/null || echo "status $?"
