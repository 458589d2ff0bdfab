#!/bin/bash
# tclsh: lists, dictionaries, strings, coroutines, child interpreters, pipes, expressions
# packages: tcl
# programs: tclsh8.6
# status: 3
. "$REAL/common.sh"
cat > tmp/w.tcl <<'T'
set l {}; for {set i 0} {$i < 40000} {incr i} { lappend l [expr {$i * 7919 % 40009}]; dict lappend d [expr {$i % 97}] $i }
puts "[lindex [lsort -integer $l] 100] [dict size $d] [llength [dict get $d 5]]"; puts [string length [join $l ,]]
proc fib n { if {$n < 2} { return $n }; expr {[fib [expr {$n - 1}]] + [fib [expr {$n - 2}]]} }; puts [fib 17]
coroutine c apply {{} { yield; for {set i 0} {1} {incr i} { yield [string repeat x $i] } }}; for {set i 0} {$i < 1000} {incr i} { set x [c] }; puts [string length $x]
for {set i 0} {$i < 30} {incr i} { set in [interp create]; $in eval {set x [string repeat ab 1000]; proc p {} {global x; string length $x}}; incr total [$in eval p]; interp delete $in }; puts $total
puts [regsub -all {(\w+)-(\w+)} [string repeat "one-two " 2000] {\2-\1} out]; puts [string range $out 0 20]; puts [lindex [split [exec sort -rn << [join $l \n]] \n] 0]; puts [expr {2**500 % 1000007}]
puts [catch {error "an error" {} {A B}} m] ; puts $m; oo::class create C { variable n; constructor {} { set n 0 }; method add k { incr n $k } }; set o [C new]; for {set i 0} {$i < 5000} {incr i} { $o add $i }; puts [$o add 0]
set f [open out/t w]; foreach {k v} $d { puts $f "$k [llength $v]" }; close $f; puts [encoding convertto utf-8 "\u263a"]; trace add variable x write {apply {{args} {puts traced}}}; set x 1; after 10 {set done 1}; vwait done; exit 3
T
tclsh tmp/w.tcl
