#!/bin/bash
# postgresql: initdb, pgbench with threads, indexes, parallel queries, vacuum, dump and restore
# packages: postgresql
# normalise: pids
# programs: initdb postgres pgbench psql pg_dump
# slow
. "$REAL/common.sh"
bin=$(echo /usr/lib/postgresql/*/bin)
place=$(mktemp -d /tmp/pg.XXXXXX); trap 'end_servers; rm -rf "$place"' EXIT
as=()
if [ "$(id -u)" = 0 ]; then
  chown postgres "$place"
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
export HOME=$place TMPDIR=$place PGHOST=$place PGDATA=$place/data PGUSER=postgres PGDATABASE=postgres
cd "$place"
pg() { local tool=$1; shift; "${as[@]}" "$bin/$tool" "$@"; }
pg initdb -U postgres -A trust -N --no-instructions -E UTF8 > initdb.log; echo "made: $?"
"${as[@]}" "$bin/postgres" -k "$place" -h '' -F -c log_min_messages=fatal -c max_parallel_workers_per_gather=2 -c shared_buffers=16MB 2>server.log &
servers+=($!)
await pg psql -c 'select 1'
pg pgbench -i -q -s 1 2>/dev/null
pg pgbench -n -c 4 -j 2 -t 150 | grep -E 'processed|failed|clients|type'
pg psql -q -At <<'SQL'
select count(*), sum(abalance) = (select sum(delta) from pgbench_history) from pgbench_accounts;
create table t as select i, md5(i::text) m, jsonb_build_object('k', i % 100, 'l', array[i, i + 1]) j from generate_series(1, 40000) i;
create index on t using gin (j); create index on t (m text_pattern_ops); analyze t;
set min_parallel_table_scan_size = 0; set parallel_setup_cost = 0; set parallel_tuple_cost = 0;
select count(*), max(m), sum((j->>'k')::int) from t where m like '%a%'; select count(*) from t where j @> '{"k": 7}';
select string_agg(m, ',' order by m) from (select m from t order by m limit 3) x;
create function f(n int) returns int language plpgsql as 'begin if n < 2 then return n; end if; return f(n - 1) + f(n - 2); end'; select f(15);
delete from t where i % 3 = 0; vacuum (full) t; reindex table t; select count(*) from t; select 1 / 0;
with recursive r(n) as (select 1 union all select n + 1 from r where n < 10000) select sum(n) from r; listen c; notify c, 'x'; select xmlelement(name a, 'b');
SQL
pg pg_dump -t t | grep -v -E '^--|restrict' | sha256sum
kill -INT "${servers[0]}"; wait "${servers[0]}"; echo "ended: $?"; servers=()
