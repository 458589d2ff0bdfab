#!/bin/bash
# sqlite3: full text search, JSON, recursive queries, windows, triggers, backup, vacuum, integrity
# packages: sqlite3
# programs: sqlite3
. "$REAL/common.sh"
sqlite3 -batch -init /dev/null out/main.db <<'SQL' || echo "status $?"
pragma page_size = 1024; pragma cache_size = 50;
create table t(a integer primary key, b text, c real, d blob);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000)
insert into t select i, printf('%05d-%s', i * 7919 % 40000, hex(i)), i / 3.0, zeroblob(i % 60) from n;
create index tb on t(b); create index tc on t(c desc, a);
create virtual table docs using fts5(body, tokenize = 'porter');
insert into docs select printf('running %s jumps over number %d and the %s', b, a % 100, hex(a % 37)) from t where a < 8000;
select count(*) from docs where docs match 'run AND "25"'; select rowid, snippet(docs, 0, '[', ']', '..', 4) from docs where docs match 'number NEAR 42' limit 3;
select json_group_array(json_object('a', a, 'b', b)) from (select * from t where a % 9999 = 0);
select sum(json_extract(value, '$.x[#-1]')) from json_each((select json_group_array(json(printf('{"x":[1,%d]}', a))) from t where a < 3000));
with recursive q(n, s) as (select 1, '1' union all select n + 1, s || char(65 + n % 26) from q where n < 500) select max(length(s)), substr(max(s), 1, 40) from q;
select a, sum(c) over (order by a rows 100 preceding), rank() over (partition by a % 7 order by b) from t where a % 5000 = 1;
create table log(x); create trigger tt after update on t begin insert into log values (old.b || new.b); end;
begin; update t set b = upper(b) || 'z' where a % 3 = 0; savepoint s; delete from t where a % 2; rollback to s; commit;
select count(*), max(length(x)) from log; create view v as select t1.a from t t1 join t t2 on t1.b = t2.b where t1.a < 2000;
select count(*) from v; delete from t where a % 4 = 1; vacuum; pragma integrity_check; pragma foreign_key_check;
.backup out/copy.db
select a from t order by c desc, b limit 5; insert into t values (2, 'twice', 1, 1);
.mode json
select * from t where a in (10, 20);
.dump log
SQL
sqlite3 out/copy.db 'pragma integrity_check; select count(*), sum(length(d)) from t'
