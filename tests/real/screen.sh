#!/bin/bash
# screen: a detached session, its scrollback written to a file, quit
# packages: screen
# programs: bash
. "$REAL/common.sh"
export SCREENDIR; SCREENDIR=$(mktemp -d /tmp/sc.XXXXXX); chmod 700 "$SCREENDIR"
trap 'screen -S s -X quit >/dev/null 2>&1 || true; rm -rf "$SCREENDIR"' EXIT
printf 'defscrollback 500\ndefhstatus off\nstartup_message off\n' > tmp/rc
screen -c tmp/rc -dmS s sh -c 'seq 1 400; echo finished; exec cat'
await sh -c 'screen -S s -X hardcopy "$PWD/tmp/h" && grep -q finished tmp/h'
screen -S s -X hardcopy -h "$PWD/out/all"; await test -s out/all; screen -S s -X stuff $'typed\n'
await sh -c 'screen -S s -X hardcopy "$PWD/tmp/h" && [ "$(grep -c typed tmp/h)" = 2 ]'; grep -v '^ *$' tmp/h | tail -n 3
screen -S s -X quit; await sh -c '! screen -ls | grep -q "[0-9]\.s[[:space:]]"'; echo gone
