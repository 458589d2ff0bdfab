-- A database in memory: inserts, an index, joins, groups and text functions. :n rows are inserted.
CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, town INTEGER, note TEXT);
CREATE TABLE town(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE visit(person INTEGER, town INTEGER, day INTEGER);

WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 500)
INSERT INTO town SELECT i, printf('town-%05d', i * 7919 % 10007) FROM c;

WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < :n)
INSERT INTO person
SELECT i, printf('%x-%d', i * 2654435761 % 4294967296, i), 1 + i * 31 % 500,
       substr('the quick brown fox jumps over the lazy dog', 1 + i % 20, 1 + i % 17) FROM c;

WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 2 * :n)
INSERT INTO visit SELECT 1 + i * 48271 % :n, 1 + i * 16807 % 500, i % 365 FROM c;

CREATE INDEX visit_person ON visit(person);
CREATE INDEX person_name ON person(name);

SELECT count(*), sum(length(p.name)), max(t.name)
FROM person p JOIN visit v ON v.person = p.id JOIN town t ON t.id = v.town;
SELECT t.name, count(*) AS visits, count(DISTINCT p.note)
FROM visit v JOIN person p ON p.id = v.person JOIN town t ON t.id = v.town
GROUP BY t.id ORDER BY visits DESC, t.name LIMIT 10;
SELECT length(group_concat(upper(name) || replace(note, 'o', '00'), ';')) FROM person;
DELETE FROM person WHERE name LIKE '%a%1';
UPDATE person SET note = note || name WHERE town % 3 = 0;
SELECT count(*), sum(length(note)) FROM person;
