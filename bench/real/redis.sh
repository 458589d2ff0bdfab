# A server under load, as one process: this shell becomes redis-server. What loads it is not its
# child any more when it ends, so that only the server's time and memory are measured.
# Usage: redis.sh REQUESTS COMMANDS      (COMMANDS: a file for redis-cli --pipe)
requests=$1
commands=$2
dir=$(mktemp -d) || exit 1
socket=$dir/socket

load() {
  tries=0
  until redis-cli -s "$socket" ping >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 200 ] || return 1
    sleep 0.05
  done
  # Keys are drawn at random here, so nothing is looked at afterwards.
  redis-benchmark -s "$socket" -q -c 8 -P 16 -n "$requests" -r 20000 -d 100 \
    -t set,get,incr,lpush,lpop,sadd,hset,spop,zadd >/dev/null || return 1
  redis-cli -s "$socket" flushall sync >/dev/null || return 1
  redis-cli -s "$socket" --pipe <"$commands" >/dev/null || return 1
  redis-cli -s "$socket" dbsize || return 1
  redis-cli -s "$socket" debug digest || return 1
  redis-cli -s "$socket" shutdown nosave
}

( (
  load || {
    echo "redis.sh: the load did not come through" >&2
    kill "$$"
  }
  rm -rf "$dir"
) & )
exec redis-server --port 0 --unixsocket "$socket" --save '' --appendonly no --dir "$dir" \
  --enable-debug-command local --logfile /dev/null
