#!/bin/bash
# php: arrays, closures, generators, fibers, PCRE, sqlite or JSON, its own allocator off and on
# packages: php-cli
# programs: php8.2
. "$REAL/common.sh"
cat > tmp/w.php <<'P'
<?php
$a = []; for ($i = 0; $i < 60000; $i++) $a["k" . $i % 307][] = str_repeat("x", $i % 13); ksort($a); echo count($a), " ", array_sum(array_map(fn($l) => strlen(implode($l)), $a)), "\n";
function gen($n) { for ($i = 0; $i < $n; $i++) yield $i => $i * $i; } $s = 0; foreach (gen(20000) as $k => $v) $s += $v % 7; echo $s, "\n";
echo strlen(serialize($a)), " ", count(unserialize(serialize($a))), " ", count(json_decode(json_encode($a), true)), "\n";
$f = new Fiber(function ($x) { while (true) $x = Fiber::suspend($x * 2); }); $f->start(1); echo $f->resume(21), "\n";
preg_match_all('/(\w+)@(\w+)\.org/', str_repeat("a@b.org xyz c@dd.org ", 2000), $m); echo count($m[0]), " ", preg_replace_callback('/\d+/', fn($m) => $m[0] + 1, "9 99 999"), "\n";
class N { public $next; public $n; function __construct($n) { $this->n = $n; } function __destruct() { global $gone; $gone++; } } for ($i = 0; $i < 3000; $i++) { $x = new N($i); $x->next = $x; } unset($x); gc_collect_cycles(); echo $gone, "\n";
usort($a, fn($p, $q) => count($p) <=> count($q) ?: strcmp($p[0], $q[0])); echo md5(serialize($a)), "\n"; echo md5(gzcompress_or(serialize($a))), "\n"; function gzcompress_or($s) { return function_exists("gzuncompress") ? gzuncompress(gzcompress($s)) : $s; }
$h = new SplPriorityQueue; for ($i = 0; $i < 5000; $i++) $h->insert($i, $i * 7919 % 5003); $o = []; while (!$h->isEmpty()) $o[] = $h->extract(); echo implode(",", array_slice($o, 0, 5)), "\n";
try { intdiv(1, 0); } catch (DivisionByZeroError $e) { echo get_class($e), "\n"; } echo trim(shell_exec("seq 3 | wc -l")), " ", sprintf("%05.2f|%'*10s|%b", 3.14159, "pad", 10), " ", bin2hex(random_bytes(4)) != "", "\n";
file_put_contents("out/" . getenv("NAME"), var_export(array_slice($a, 0, 2), true)); fwrite(STDERR, "to stderr\n"); exit(4);
P
NAME=own php -n tmp/w.php || echo "status $?"
NAME=malloc USE_ZEND_ALLOC=0 php tmp/w.php || echo "status $?"
