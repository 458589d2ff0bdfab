#!/bin/bash
# gnuplot: curves, surfaces, fits, histograms into SVG, PostScript and text
# packages: gnuplot-nox
# programs: gnuplot-nox
. "$REAL/common.sh"
seq 1 400 | awk '{print $1, $1 * $1 % 97, sin($1 / 20) * 50 + $1 % 7}' > tmp/d
gnuplot <<'G' 2>tmp/err
set terminal svg size 400,300; set output 'out/a.svg'; plot sin(x)*x, 'tmp/d' using 1:3 smooth bezier, '' using 1:2 with points
set output 'out/b.svg'; set isosamples 40; set hidden3d; set pm3d; splot sin(x)*cos(y) with pm3d
f(x) = a*sin(x*b)+c; a = 40; b = 0.051; c = 1; set fit quiet logfile 'tmp/fit'; fit f(x) 'tmp/d' using 1:3 via a, b, c; print sprintf("%.2f %.3f", a, b)
set terminal dumb 70 20; set output 'out/c.txt'; stats 'tmp/d' using 2 nooutput; plot [0:100] 'tmp/d' using 1:2 with impulses title sprintf('%d', STATS_max)
set terminal postscript; set output 'out/d.ps'; set samples 2000; plot [0:50] besj0(x), gamma(x/10), norm(x-20)
G
sed -i '/CreationDate/d' out/d.ps; grep -v '^ *$' tmp/err; wc -c out/*.svg | tail -n 1
