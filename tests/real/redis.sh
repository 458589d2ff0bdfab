#!/bin/bash
# redis-server: redis-benchmark, scripts, RDB and AOF written by forked children, read again
# packages: redis-server redis-tools
# programs: redis-check-rdb redis-benchmark redis-cli
. "$REAL/common.sh"
socket=$PWD/tmp/r.sock
cli() { redis-cli -s "$socket" "$@"; }
start() {
  serve redis-server --port 0 --unixsocket "$socket" --dir "$PWD/tmp" --save '' --appendonly "$1" \
    --loglevel warning --enable-debug-command yes
  await cli ping
}
start no
redis-benchmark -s "$socket" -q -n 1500 -c 20 -r 1000 -d 100 -t set,get,incr,lpush,sadd,hset,zadd,mset,lrange_100 | tr '\r' '\n' |
  sed -n 's/^\([A-Z_ ()0-9a-z]*\): .* requests per second.*/\1/p'
cli flushall
cli debug populate 20000 key 100
cli eval 'for i = 1, 3000 do redis.call("ZADD", "z", i, "m" .. i); redis.call("RPUSH", "l" .. (i % 10), string.rep("x", i % 200)) end return redis.call("ZCARD", "z")' 0
y=$(printf 'y%.0s' {1..60}); for i in {1..400}; do echo "SET s$i $y"; echo "APPEND s$i tail"; echo "EXPIRE s$i 10000"; echo "DEL key:$i"; done | cli --pipe
cli bgsave >/dev/null; await sh -c "redis-cli -s '$socket' info persistence | grep -q rdb_bgsave_in_progress:0"
cli dbsize; cli zrange z 0 4; cli llen l3; cli object encoding z; cli config set appendonly yes
await sh -c "redis-cli -s '$socket' info persistence | grep -q aof_rewrite_in_progress:0"
cli bgrewriteaof >/dev/null; await sh -c "redis-cli -s '$socket' info persistence | grep -q aof_rewrite_in_progress:0"
digest=$(cli debug digest); cli shutdown nosave; wait "${servers[0]}"; servers=()
redis-check-rdb tmp/dump.rdb | tail -n 1 | sed 's/\[offset [0-9]*\]//'
start yes
[ "$(cli debug digest)" = "$digest" ] && echo "the same data"
cli dbsize; cli set a; stop
