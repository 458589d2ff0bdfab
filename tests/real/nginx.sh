#!/bin/bash
# nginx: two workers, files, gzip and a proxy to itself under ab; reload under load; clean end
# packages: nginx-light apache2-utils curl
# programs: nginx ab curl
. "$REAL/common.sh"
mkdir tmp/www; seq 1 20000 > tmp/www/big.txt; echo small > tmp/www/index.html
cat > tmp/nginx.conf <<C
daemon off; pid $PWD/tmp/pid; error_log $PWD/tmp/error.log warn; worker_processes 2; worker_shutdown_timeout 5;
$([ "$(id -u)" != 0 ] || echo 'user root;')
events { worker_connections 200; }
http {
  types { text/plain txt; text/html html; }
  access_log $PWD/tmp/access.log; client_body_temp_path tmp/b; proxy_temp_path tmp/p; fastcgi_temp_path tmp/f; uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
  gzip on; gzip_types text/plain; gzip_comp_level 6;
  server { listen 127.0.0.1:$PORT; root $PWD/tmp/www;
    location /proxy/ { proxy_pass http://127.0.0.1:$PORT/; proxy_buffers 8 4k; }
    location /moved { return 301 /index.html; } }
}
C
nginx -p "$PWD" -c tmp/nginx.conf -e tmp/error.log -t 2>/dev/null; echo "tested: $?"
serve nginx -p "$PWD" -c tmp/nginx.conf -e tmp/error.log
await listening
load() { ab -q -n 1500 -c 20 "$@" | grep -E '^(Complete|Failed|Non-2xx|HTML|Document Length|Keep-Alive)'; }
load "http://127.0.0.1:$PORT/"
load -k "http://127.0.0.1:$PORT/big.txt"
load -k -H 'Accept-Encoding: gzip' "http://127.0.0.1:$PORT/proxy/big.txt" 
load "http://127.0.0.1:$PORT/absent"
ab -q -n 1000 -c 10 "http://127.0.0.1:$PORT/index.html" > tmp/ab.out & loader=$!
for _ in 1 2 3; do nginx -p "$PWD" -c tmp/nginx.conf -e tmp/error.log -s reload; sleep 0.1; done
wait $loader; grep -E '^Complete' tmp/ab.out
curl -s --compressed "http://127.0.0.1:$PORT/proxy/big.txt" | cmp - tmp/www/big.txt && echo same
curl -s -L "http://127.0.0.1:$PORT/moved"; curl -s -r 5-20 "http://127.0.0.1:$PORT/big.txt"
stop; cut -d'"' -f2,3 tmp/access.log | sort | uniq -c | grep -v index.html
