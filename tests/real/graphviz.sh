#!/bin/bash
# graphviz: a few hundred nodes laid out by dot, neato, circo; SVG, PostScript, PNG by cairo
# packages: graphviz
# programs: libgvc6-config-update gvpr
. "$REAL/common.sh"
{ echo 'digraph g { node [shape=box]; subgraph cluster_a { label=a; n1; n2; n3 }'
  for i in {1..90}; do echo "n$i -> n$((i * 7 % 90)); n$i -> n$((i * i % 90)) [label=\"e$i\"]; n$i [label=\"node $i\\nline\"]"; done; echo '}'; } > tmp/g.dot
for layout in dot circo twopi; do dot -K$layout -Tsvg tmp/g.dot > out/$layout.svg; done
dot -Tpng -Gsize=5,5 tmp/g.dot > out/g.png; dot -Tplain tmp/g.dot | sha256sum; dot -Tps tmp/g.dot | grep -v '^%%Creator' | sha256sum
head -n 20 tmp/g.dot | sed '$a}' | neato -Tplain -Gstart=7 | sha256sum; gvpr 'N { print(name, " ", degree) }' tmp/g.dot | sort | head -n 4
dot -Tsvg <(echo 'digraph {') || echo "status $?"
