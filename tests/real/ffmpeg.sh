#!/bin/bash
# ffmpeg: video and audio made, filtered, encoded with threads, muxed, decoded, hashed
# packages: ffmpeg
# programs: ffmpeg ffprobe
# long
. "$REAL/common.sh"
ff() { ffmpeg -nostdin -hide_banner -loglevel error -threads 2 "$@"; }
ff -f lavfi -i testsrc2=s=320x240:d=3 -f lavfi -i sine=440:d=3 -c:v mpeg4 -qscale:v 4 -c:a flac -fflags +bitexact -flags +bitexact -strict -2 out/a.mkv
ff -i out/a.mkv -f framemd5 - | sha256sum
ff -i out/a.mkv -vf 'scale=160:-1,hue=s=0,rotate=0.3,boxblur=2,tile=2x2' -frames:v 4 -f rawvideo - | sha256sum
ff -i out/a.mkv -af 'aresample=8000,aecho,atempo=1.5' -f wav -fflags +bitexact - | sha256sum
ff -f lavfi -i mandelbrot=s=160x120 -t 1 -c:v ffv1 -f matroska -fflags +bitexact -flags +bitexact - | sha256sum
ff -f lavfi -i testsrc=d=1 -c:v mjpeg -flags +bitexact 'tmp/%03d.jpg'; cat tmp/*.jpg | sha256sum
ffprobe -v error -show_entries stream=codec_name,width,height -of csv out/a.mkv
ff -i absent.mkv out/b.mkv || echo "status $?"
