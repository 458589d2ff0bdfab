#!/bin/bash
# gpg: a key, its agent, signatures, encryption, export; the agent ends
# packages: gpg gpg-agent
# programs: gpg gpg-agent
# slow
. "$REAL/common.sh"
export GNUPGHOME; GNUPGHOME=$(mktemp -d /tmp/gpg.XXXXXX)
trap 'gpgconf --kill all || true; rm -rf "$GNUPGHOME"' EXIT
gpg() { command gpg --batch --quiet --no-tty --pinentry-mode loopback --passphrase '' "$@"; }
gpg --quick-generate-key 'A <a@example.org>' ed25519 sign 0 2>/dev/null
print=$(gpg --list-keys --with-colons | sed -n 's/^fpr:*\([0-9A-F]*\):/\1/p' | head -n 1)
gpg --quick-add-key "$print" cv25519 encr 0
seq 1 100000 > tmp/data
gpg -r a@example.org --trust-model always -o tmp/data.gpg -e tmp/data; gpg -d tmp/data.gpg 2>/dev/null | cmp - tmp/data && echo decrypted
gpg --detach-sign -o tmp/data.sig tmp/data; gpg --status-fd 1 --verify tmp/data.sig tmp/data 2>/dev/null | grep -c GOODSIG
echo more >> tmp/data; gpg --status-fd 1 --verify tmp/data.sig tmp/data 2>/dev/null | cut -d' ' -f2 | grep BADSIG
gpg --symmetric --cipher-algo AES256 --passphrase pw -o tmp/s.gpg tmp/data; gpg --passphrase pw -d tmp/s.gpg 2>/dev/null | sha256sum
gpg --armor --export | gpg --show-keys --with-colons 2>/dev/null | cut -d: -f1 | tr '\n' ' '; echo
gpg --print-md SHA256 tmp/data
gpgconf --kill all
