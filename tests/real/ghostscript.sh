#!/bin/bash
# ghostscript: PostScript run, made PDF, drawn into pixels, text taken out
# packages: ghostscript
# programs: gs
# long
. "$REAL/common.sh"
cat > tmp/a.ps <<'P'
%!PS
/Helvetica findfont 12 scalefont setfont
/fact { dup 1 le { pop 1 } { dup 1 sub fact mul } ifelse } def
1 1 12 { /p exch def 1 1 40 { /i exch def 20 i 18 mul moveto (page ) show p 20 string cvs show ( line ) show i 20 string cvs show
  i 9 mod 0 eq { newpath 300 i 15 mul 20 0 360 arc p 12 div i 40 div 0.5 setrgbcolor fill 0 setgray } if } for showpage } for
/d 500 dict def 0 1 5000 { dup d exch 300 mod 3 -1 roll put } for d length == 10 fact == save 20000 string pop restore 1 0 div
P
gs -q -dNOPAUSE -dBATCH -dSAFER -sDEVICE=ppmraw -r60 -sOutputFile='tmp/%02d.ppm' tmp/a.ps > tmp/log 2>&1 || echo "status $?"
grep -v -E '^(GPL|Current file|   [0-9])' tmp/log | head -n 8; sha256sum tmp/*.ppm
gs -q -dNOPAUSE -dBATCH -sDEVICE=pdfwrite -dOmitInfoDate=true -dOmitID=true -dOmitXMP=true -sOutputFile=tmp/a.pdf -c '/Times-Roman findfont 20 scalefont setfont 1 1 30 { 20 string cvs 100 100 moveto show showpage } for quit'
gs -q -dNOPAUSE -dBATCH -sDEVICE=txtwrite -sOutputFile=- tmp/a.pdf | sha256sum
