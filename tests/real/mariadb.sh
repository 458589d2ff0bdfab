#!/bin/bash
# mariadb: a database of its own on a socket: InnoDB, threads of clients, dump, clean end
# packages: mariadb-server
# programs: mariadbd mariadb mariadb-dump
# long
. "$REAL/common.sh"
db=$(mktemp -d /tmp/my.XXXXXX); trap 'end_servers; rm -rf "$db"' EXIT
user=(); [ "$(id -u)" != 0 ] || user=(--user=root)
mariadb-install-db --no-defaults "${user[@]}" --datadir="$db/data" --auth-root-authentication-method=normal --skip-test-db >tmp/install.log 2>&1; echo "made: $?"
serve mariadbd --no-defaults "${user[@]}" --datadir="$db/data" --socket="$db/s" --skip-networking --innodb-buffer-pool-size=32M --pid-file="$db/pid"
sql() { mariadb --no-defaults -u root -S "$db/s" -N "$@"; }
await sql -e 'select 1'
sql -e 'create database d; use d; create table d.t(a int primary key, b varchar(60), key(b)) engine=innodb; insert into d.t select seq, md5(seq) from seq_1_to_20000; create table d.c(n int); insert into d.c values (0)'
clients=(); for n in 1 2 3 4; do for _ in {1..60}; do echo "update c set n = n + $n; select sum(length(b)) from t where a % 7 = $n;"; done | sql d > "tmp/c$n" & clients+=($!); done; wait "${clients[@]}"; sha256sum tmp/c?
sql d -e 'select n from c; select count(*), max(b) from t where b like "a%"; with recursive r(n) as (select 1 union all select n + 1 from r where n < 900) select sum(n) from r; select json_arrayagg(a) from (select a from t order by b limit 5) x; delete from t where a % 3; optimize table t; check table t'
mariadb-dump --no-defaults -u root -S "$db/s" --skip-dump-date d | grep -v -- '^--' | sha256sum; sql -e 'select nothing' 2>&1 || echo "status $?"
stop
