#!/bin/bash
# dbus-daemon: a bus of its own, hundreds of calls from dbus-send, a monitor, signals
# packages: dbus dbus-bin
# programs: dbus-daemon dbus-send
. "$REAL/common.sh"
dir=$(mktemp -d /tmp/bus.XXXXXX); trap 'end_servers; rm -rf "$dir"' EXIT
cat > "$dir/c" <<C
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=$dir/s</listen><auth>EXTERNAL</auth><policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
C
serve dbus-daemon --config-file="$dir/c" --nofork --nopidfile
export DBUS_SESSION_BUS_ADDRESS=unix:path=$dir/s
call() { dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus /org/freedesktop/DBus "org.freedesktop.DBus.$@"; }
await call GetId
sent=()
for i in {1..60}; do call NameHasOwner string:org.freedesktop.DBus; done | sort | uniq -c; call ListActivatableNames; call GetNameOwner string:no.such.name || echo "status $?"; call Introspect 2>/dev/null || true
dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus / org.freedesktop.DBus.Introspectable.Introspect | sha256sum; for i in {1..30}; do dbus-send --session --type=signal / a.b.c string:"$i" array:string:x,y dict:string:int32:a,1 & sent+=($!); done; wait "${sent[@]}"; call ListNames | grep -o 'org[^ ]*'
stop
