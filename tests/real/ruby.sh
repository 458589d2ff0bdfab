#!/bin/bash
# ruby: objects, GC and compaction, threads, fibers, ractors, forks, marshal, regular expressions
# packages: ruby
# programs: ruby3.1
# status: 6
. "$REAL/common.sh"
cat > tmp/w.rb <<'R'
require "json"; require "set"; require "zlib"; require "digest"; require "stringio"; require "tempfile"; require "socket"
h = Hash.new { |hash, k| hash[k] = [] }; 60000.times { |i| h["k#{i % 211}"] << i.to_s * (i % 4) }; p h.sum { |k, v| v.join.size }
GC.stress = false; GC.start; GC.compact if GC.respond_to?(:compact); p GC.count > 0
p JSON.parse(JSON.generate((1..3000).map { |i| { i.to_s => [i] * (i % 9) } })).size, Marshal.load(Marshal.dump({}.merge(h.to_a.to_h { |k, v| [k, v] }))) .size
q = Queue.new; r = Queue.new; t = 4.times.map { Thread.new { while (n = q.pop) != :end; r << (1..n).map { |x| x * x }.sum; end } }; (1..300).each { |n| q << n }; 4.times { q << :end }; t.each(&:join); p r.size.times.sum { r.pop }
f = Fiber.new { x = 0; loop { Fiber.yield x += 1 } }; p 500.times.map { f.resume }.last, 200.times.map { |i| Fiber.new { i }.resume }.sum
Warning[:experimental] = false; p 4.times.map { |i| Ractor.new(i) { |n| (1..20000).reduce { |a, b| (a * 31 + b + n) % 1000003 } } }.map(&:take)
p 15.times.map { |i| fork { a = Array.new(5000) { |j| j.to_s }; exit!(a.size % 7 + i) } }.sum { |pid| Process.wait2(pid)[1].exitstatus }
s = "the quick brown fox " * 3000; p s.gsub(/(\w+) (\w+)/) { "#{$2} #{$1}" }.hash == s.hash, s.scan(/q\w+/).size, s.tr("a-y", "b-z")[0, 20], Digest::SHA256.hexdigest(s)[0, 16], Zlib.inflate(Zlib.deflate(s)) == s
a, b = UNIXSocket.pair; Thread.new { b.write("x" * 100000); b.close }; p a.read.size, IO.popen(["wc", "-c"], "r+") { |io| io.write("y" * 70000); io.close_write; io.read.to_i }
o = Object.new; 200.times { |i| o.define_singleton_method("m#{i}") { i } }; p 200.times.sum { |i| o.send("m#{i}") }, (2**4000).digits.sum, 10.0.rationalize, Comparable.instance_methods.size
begin; raise ArgumentError, "wrong"; rescue => e; p e.message, e.backtrace.size; end; def deep(n) = deep(n + 1); begin; deep(0); rescue SystemStackError; p :deep; end
ObjectSpace.each_object(Class).count.then { |n| p n > 100 }; File.write("out/r", h.sort.first(9).inspect); at_exit { $stderr.puts "bye" }; exit 6
R
ruby tmp/w.rb
