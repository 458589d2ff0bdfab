#!/bin/bash
# jq: grouping, reducing, recursion, regular expressions, streaming, bad input
# packages: jq
# programs: jq
. "$REAL/common.sh"
seq 1 20000 | jq -c '{n: ., s: "k\(. % 97)", l: [range(. % 7)], o: {x: (. * 1.5), y: null}}' > tmp/in
jq -s 'group_by(.s) | map({s: .[0].s, c: length, t: (map(.n) | add)}) | sort_by(-.t)[:5]' tmp/in
jq -n 'reduce inputs as $i ({}; .[$i.s] += $i.o.x) | to_entries | map("\(.key)=\(.value)") | join(",")' tmp/in | sha256sum
jq -r 'select(.s | test("^k[3-5]")) | [.n, .s, (.l | tojson)] | @csv' tmp/in > out/csv
jq -c --stream 'select(length == 2 and .[0][0] == "n")' tmp/in | tail -n 1
jq -n '[limit(200; recurse(if . == null then [] else [.] end))] | length, (def f: if . < 2 then . else (. - 1 | f) + (. - 2 | f) end; 17 | f)'
jq -n --argjson a '{"b":[1,{"c":2}]}' '[$a | paths], ($a | tostream), ("a,b" | split(",")), ([3,1,2] | sort | @base64), (now | type)' -c
jq . <(echo '{"a": [1, 2') || echo "status $?"; echo '"x"' | jq '.a' || echo "status $?"
