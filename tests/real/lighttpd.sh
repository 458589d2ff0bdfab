#!/bin/bash
# lighttpd: files and CGI scripts under ab, logs, a clean end
# packages: lighttpd apache2-utils curl
# programs: lighttpd ab curl
. "$REAL/common.sh"
mkdir tmp/www; seq 1 9000 > tmp/www/a.txt; printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"; echo "cgi $QUERY_STRING $REQUEST_METHOD"; cat | wc -c\n' > tmp/www/c.cgi; chmod +x tmp/www/c.cgi
printf 'server.document-root = "%s/tmp/www"\nserver.port = %d\nserver.bind = "127.0.0.1"\nserver.modules = ("mod_cgi", "mod_accesslog", "mod_rewrite")\naccesslog.filename = "%s/tmp/log"\nserver.errorlog = "%s/tmp/err"\ncgi.assign = (".cgi" => "")\nurl.rewrite-once = ("^/r/(.*)" => "/$1")\nmimetype.assign = (".txt" => "text/plain")\n' "$PWD" "$PORT" "$PWD" "$PWD" > tmp/conf
lighttpd -tt -f tmp/conf; serve lighttpd -D -f tmp/conf; await listening; url=http://127.0.0.1:$PORT
ab -q -k -n 2000 -c 20 "$url/a.txt" | grep -E '^(Complete|Failed|Document Length)'; ab -q -n 80 -c 5 "$url/c.cgi?x" | grep -E '^(Complete|Failed)'; curl -sS "$url/c.cgi?a=b" -d 'posted'; curl -sS "$url/r/a.txt" | cmp - tmp/www/a.txt && echo same; curl -s -o /dev/null -w '%{http_code}\n' "$url/absent"
stop; cut -d'"' -f2,3 tmp/log | sort | uniq -c | sort -rn
