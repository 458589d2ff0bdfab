#!/bin/bash
# memcached: four threads, clients in threads, evictions, counters, statistics
# packages: memcached python3
# programs: memcached python3.11
. "$REAL/common.sh"
serve memcached -u "$(id -un)" -s tmp/m.sock -t 4 -m 8 -c 100
await test -S tmp/m.sock
python3 - <<'PY'
import socket, threading
class Client:
    def __init__(self):
        self.s = socket.socket(socket.AF_UNIX); self.s.connect("tmp/m.sock"); self.f = self.s.makefile("rwb")
    def ask(self, line, data=None):
        self.f.write(line.encode() + b"\r\n" + (data + b"\r\n" if data is not None else b"")); self.f.flush()
        return self.f.readline().rstrip()
    def get(self, key):
        head = self.ask("get " + key)
        if head == b"END": return None
        data = self.f.read(int(head.split()[3]) + 2)[:-2]; assert self.f.readline() == b"END\r\n"
        return data
    def stats(self, what=""):
        rows = {}; line = self.ask(("stats " + what).strip())
        while line != b"END":
            _, k, v = line.split(None, 2); rows[k.decode()] = v.decode(); line = self.f.readline().rstrip()
        return rows
bad = []
def work(n):
    c = Client()
    for i in range(1200):
        size = (i * i * 31 + n) % 900
        if c.ask(f"set k{n}.{i % 300} 0 0 {size}", b"v" * size) != b"STORED": bad.append((n, i))
        if i % 3 == 0 and c.get(f"k{n}.{i % 300}") != b"v" * size: bad.append((n, i, "lost"))
        c.ask("incr shared 1")
c = Client(); print(c.ask("set shared 0 0 1", b"0"))
threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
[t.start() for t in threads]; [t.join() for t in threads]
print(c.get("shared"), bad)
for i in range(300): c.ask(f"set big{i} 0 0 60000", b"z" * 60000)
s = c.stats(); print(s["cmd_set"], s["threads"], int(s["evictions"]) > 50, c.get("big299") == b"z" * 60000, c.ask("delete shared"), c.ask("nonsense"))
print(c.ask("flush_all"), c.get("big299"), c.ask("add x 0 0 1", b"1"), c.ask("add x 0 0 1", b"1"))
PY
stop
