#!/bin/bash
# ssh-keygen: keys, certificates, signatures; ssh-add and an agent, which the loader protects from LD_PRELOAD
# packages: openssh-client
# programs: ssh-keygen ssh-add
# status: 255
. "$REAL/common.sh"
cd tmp
for kind in ed25519 ecdsa rsa; do
  ssh-keygen -q -t $kind -N '' -C comment -f key.$kind; ssh-keygen -l -f key.$kind | cut -d' ' -f1,3-
  ssh-keygen -y -f key.$kind | cmp <(cut -d' ' -f1,2 key.$kind.pub) <(ssh-keygen -y -f key.$kind | cut -d' ' -f1,2) && echo same
done
ssh-keygen -q -s key.ed25519 -I id -n user -V +1d -z 7 key.rsa.pub; ssh-keygen -L -f key.rsa-cert.pub | grep -E 'Serial|Key ID|user$'
echo data > data; ssh-keygen -q -Y sign -n file -f key.ecdsa data; echo "a $(cut -d' ' -f1,2 key.ecdsa.pub)" > allowed
ssh-keygen -q -Y verify -f allowed -I a -n file -s data.sig < data && echo verified
eval "$(ssh-agent -s)" > /dev/null; ssh-add -q key.ed25519 key.rsa; ssh-add -l | wc -l; ssh-add -q -D; ssh-add -l || echo "status $?"
ssh-agent -k > /dev/null; ssh-keygen -y -f data
