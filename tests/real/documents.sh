#!/bin/bash
# qpdf and poppler: a PDF made, linearised, encrypted, read
# packages: qpdf poppler-utils
# programs: qpdf pdftotext pdfinfo pdftoppm
. "$REAL/common.sh"
cat > tmp/make.awk <<'A'
function object(text) { at[++n] = size; text = n " 0 obj\n" text "\nendobj\n"; size += length(text); printf "%s", text }
BEGIN { printf "%%PDF-1.4\n"; size = 9; pages = 60; for (i = 0; i < pages; i++) kids = kids (4 + 2 * i) " 0 R "
  object("<< /Type /Catalog /Pages 2 0 R >>"); object("<< /Type /Pages /Count " pages " /Kids [ " kids "] >>"); object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
  for (i = 0; i < pages; i++) { object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Resources << /Font << /F 3 0 R >> >> /Contents " (5 + 2 * i) " 0 R >>")
    s = ""; for (k = 0; k < 25; k++) s = s sprintf("BT /F 10 Tf 20 %d Td (page %d line %d number %d) Tj ET %d %d m %d 300 l S\n", 280 - k * 11, i, k, i * k, k * 9, i, i * 5); object("<< /Length " length(s) " >>\nstream\n" s "endstream") }
  printf "xref\n0 %d\n0000000000 65535 f \n", n + 1; for (i = 1; i <= n; i++) printf "%010d 00000 n \n", at[i]; printf "trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", n + 1, size }
A
gawk -f tmp/make.awk > tmp/a.pdf
qpdf --check tmp/a.pdf | tail -n 1; qpdf --deterministic-id --linearize --object-streams=generate tmp/a.pdf out/l.pdf; qpdf --static-id --encrypt u o 256 -- tmp/a.pdf tmp/e.pdf; qpdf --password=u --decrypt --static-id tmp/e.pdf - | pdftotext - - | sha256sum
qpdf --deterministic-id --empty --pages tmp/a.pdf 1-5,50-z -- out/p.pdf; qpdf --json out/p.pdf | sha256sum; pdfinfo out/p.pdf | grep -E 'Pages|size'; pdftotext -layout tmp/a.pdf out/text; pdfseparate -l 3 tmp/a.pdf tmp/s%d.pdf; pdfunite tmp/s1.pdf tmp/s2.pdf tmp/s3.pdf tmp/u.pdf; pdfinfo tmp/u.pdf | grep Pages
pdftoppm -r 50 -l 6 -gray tmp/a.pdf tmp/i; sha256sum tmp/i*; pdftotext <(head -c 3000 tmp/a.pdf) - 2>/dev/null | head -n 1 || echo "status $?"; qpdf --check tmp/make.awk 2>/dev/null || echo "status $?"
