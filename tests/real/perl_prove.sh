#!/bin/bash
# prove: twenty test files of perl modules, two at a time
# packages: perl
# programs: perl
# normalise: times order
# slow
. "$REAL/common.sh"
cd tmp; mkdir t
modules=(Compress::Zlib Digest::SHA Encode
  IPC::Open3 JSON::PP List::Util
  Math::BigFloat Math::BigInt MIME::Base64 Module::CoreList
  Pod::Text Scalar::Util Socket Storable Term::ANSIColor
  Text::Balanced Tie::File Time::Piece Unicode::UCD bignum)
for module in "${modules[@]}"; do
  cat > "t/${module//::/-}.t" <<T
use Test::More; use_ok("$module"); my %h = map { \$_ => [ \$_ x 3 ] } 1 .. 2000;
is(scalar(keys %h), 2000); is_deeply([ sort { \$a <=> \$b } keys %h ], [ 1 .. 2000 ]); done_testing;
T
done
prove -j2 t
