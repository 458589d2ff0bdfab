#!/bin/bash
# openssl: keys, certificates, a TLS server and clients, ciphers, digests, an error
# packages: openssl
# programs: openssl
# normalise: ports
# status: 1
. "$REAL/common.sh"
cd tmp; export OPENSSL_CONF=/dev/null
for kind in RSA:rsa_keygen_bits:2048 EC:ec_paramgen_curve:P-256 ED25519; do
  IFS=: read -r algorithm option value <<< "$kind"
  openssl genpkey -quiet -algorithm "$algorithm" ${option:+-pkeyopt $option:$value} -out "$algorithm.pem" 2>/dev/null ||
    openssl genpkey -algorithm "$algorithm" ${option:+-pkeyopt $option:$value} -out "$algorithm.pem" 2>/dev/null
  openssl req -x509 -new -key "$algorithm.pem" -subj "/CN=$algorithm" -days 10 -out "$algorithm.crt" -config <(printf '[req]\ndistinguished_name=d\n[d]\n')
  openssl verify -CAfile "$algorithm.crt" "$algorithm.crt"; openssl x509 -in "$algorithm.crt" -noout -subject
done
seq 1 50000 > data
for digest in md5 sha1 sha256 sha512 sha3-256 blake2b512; do openssl dgst "-$digest" data; done
for cipher in aes-256-cbc aes-128-ctr chacha20 camellia-192-cbc; do
  openssl enc "-$cipher" -pbkdf2 -pass pass:secret -S 0102030405060708 -in data -out "../out/$cipher"
  openssl enc -d "-$cipher" -pbkdf2 -pass pass:secret -S 0102030405060708 -in "../out/$cipher" | cmp - data && echo "$cipher"
done
openssl dgst -sha256 -sign RSA.pem -out sig data; openssl dgst -sha256 -verify <(openssl pkey -in RSA.pem -pubout) -signature sig data
openssl prime 1000003; openssl smime -sign -in data -signer RSA.crt -inkey RSA.pem -out m 2>/dev/null; openssl smime -verify -in m -CAfile RSA.crt -noverify 2>&1 >/dev/null
serve openssl s_server -accept "127.0.0.1:$PORT" -cert EC.crt -key EC.pem -www -quiet
await listening
for tls in -tls1_2 -tls1_3; do for _ in {1..4}; do printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -connect "127.0.0.1:$PORT" $tls -quiet 2>/dev/null | grep -c -E '^(Cipher|.*Protocol *:)' || true; done; done
stop
echo nonsense > bad; openssl x509 -in bad -noout 2>/dev/null
