# shellcheck shell=bash
# What scenarios share: sourced by each, in the shell that runs it.
set -eu
mkdir -p home out tmp
export HOME=$PWD/home TMPDIR=$PWD/tmp

# fail TEXT: ends the scenario.
fail() {
  echo "$1" >&2
  exit 99
}

# await COMMAND...: until it succeeds, for a minute at most.
await() {
  local try
  for ((try = 0; try < 1200; try++)); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.05
  done
  fail "never came true: $*"
}

# serve COMMAND...: runs a server until the scenario ends, its output in tmp/server.log.
servers=()
server_log=$PWD/tmp/server.log
serve() {
  "$@" >>"$server_log" 2>&1 &
  servers+=($!)
}

# stop: ends the servers in order, waits, and shows how they ended.
stop() {
  local pid status
  for pid in "${servers[@]}"; do
    kill -TERM "$pid" 2>/dev/null || true
    status=0
    wait "$pid" || status=$?
    echo "server ended: $status"
  done
  servers=()
}
end_servers() {
  [ ${#servers[@]} = 0 ] && return
  kill -KILL "${servers[@]}" || true
  wait "${servers[@]}" || true
} 2>/dev/null
trap end_servers EXIT

# listening: something accepts connections on $PORT.
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; }

# regression_tests ARGUMENTS: python3's own, less what says where they run and that they were slow.
regression_tests() {
  set -o pipefail
  python3 -m test "$@" | sed '/^== cwd: /d; / passed in /d'
}
