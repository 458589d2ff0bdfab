#!/bin/bash
# ImageMagick: draws, scales, rotates, blurs with threads, quantises, converts, compares
# packages: imagemagick
# programs: convert-im6.q16 identify-im6.q16
# status: 1
. "$REAL/common.sh"
pnm() { convert "$@" ppm:- | sha256sum; }
convert -size 300x200 gradient:red-blue -swirl 90 -depth 8 tmp/a.ppm
convert tmp/a.ppm -resize 150% -rotate 30 -blur 0x3 -define png:exclude-chunks=date,time -strip out/a.png
convert tmp/a.ppm -colors 16 -strip out/a.gif; convert tmp/a.ppm -quality 70 -strip out/a.jpg
for op in '-charcoal 2' '-emboss 1' '-paint 3' '-sharpen 0x2' '-median 3' '-edge 2' '-morphology Dilate Disk:3' '-liquid-rescale 80%' '-distort Arc 60' '-fx 1-u' '-equalize' '-canny 0x1+10%+30%'; do
  # shellcheck disable=SC2086
  echo "$op $(pnm tmp/a.ppm -resize 50% $op)"
done
convert -delay 5 tmp/a.ppm \( tmp/a.ppm -flip \) \( tmp/a.ppm -negate \) -loop 0 tmp/anim.gif; identify -format '%n %w %h %m\n' tmp/anim.gif
identify -format '%m %wx%h %k %z\n' out/a.png out/a.gif out/a.jpg
compare -metric AE tmp/a.ppm out/a.gif null: || echo " differs: $?"
convert tmp/a.ppm -crop 100x100 +repage miff:- | montage - -tile 3x2 -geometry +2+2 ppm:- | sha256sum
convert no-such-file.png x.png
