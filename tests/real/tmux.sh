#!/bin/bash
# tmux: a server with windows and panes, commands in them, captured screens
# packages: tmux
# programs: tmux
. "$REAL/common.sh"
sock=$(mktemp -d /tmp/tm.XXXXXX); trap 't kill-server 2>/dev/null || true; rm -rf "$sock"' EXIT
t() { tmux -f /dev/null -S "$sock/s" "$@"; }
export SHELL=/bin/sh PS1='$ ' TERM=screen
t new-session -d -x 80 -y 24 -s a 'seq 1 300; echo finished; exec cat'
t split-window -t a 'yes some text | head -n 2000; echo finished; exec cat'; t new-window -t a 'printf "\033[31mred\033[0m \303\244\n"; echo finished; exec cat'
for pane in a:0.0 a:0.1 a:1.0; do
  await sh -c "tmux -S '$sock/s' capture-pane -p -t $pane -S -50 | grep -q finished"; t capture-pane -p -J -t $pane -S -40
done
t send-keys -t a:1.0 typed Enter; await sh -c "tmux -S '$sock/s' capture-pane -p -t a:1.0 | grep -c typed | grep -q 2"; t capture-pane -p -e -t a:1.0
t resize-window -t a -x 40 -y 10; t list-panes -s -F '#{pane_width}x#{pane_height} #{history_size}'; t set-buffer "$(seq 1 500)"; t show-buffer | sha256sum
t list-windows -F '#W #{window_panes}' | wc -l; t kill-session -t a; t ls 2>&1 | sed 's/ on .*//' || true
