#!/bin/bash
# curl, many at once, from a python3 server with threads; uploads, ranges, errors, wrong hosts
# packages: curl python3
# programs: curl
# normalise: times ports
# status: 7
. "$REAL/common.sh"
mkdir tmp/www; for n in {1..30}; do seq "$((n * 100))" > "tmp/www/f$n"; done
serve python3 -c '
import http.server, os, sys
class H(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])); self.send_response(200)
        self.send_header("Content-Length", "8"); self.end_headers(); self.wfile.write(b"%08d" % len(body))
os.chdir("tmp/www"); http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), H).serve_forever()'
await listening
url=http://127.0.0.1:$PORT
curl -sS --no-progress-meter --parallel --parallel-max 8 --create-dirs -o 'out/#1' "$url/f[1-30]"
cat out/* | sha256sum
for n in {1..15}; do curl -sS --data-binary "@tmp/www/f$n" "$url/" -H 'Expect:'; done; echo
curl -sS -I "$url/f3" | grep -i -E '^(HTTP|content)' | tr -d '\r'
curl -sS -r 10-29 "$url/f5" | head -c 20; curl -sS -o /dev/null -w '%{http_code} %{size_download}\n' "$url/absent"
curl -sS -F a=b -F file=@tmp/www/f9 "$url/" ; echo; curl -sS "file://$PWD/tmp/www/f2" | tail -n 1; curl --version | head -n 1
curl -sS "$url:1/" || echo "status $?"; stop || true; curl -sS "$url/f1"
