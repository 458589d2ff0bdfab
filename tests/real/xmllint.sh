#!/bin/bash
# xmllint: a big document parsed as tree, stream and by XPath; schemas, DTD, HTML, errors, C14N
# packages: libxml2-utils
# programs: xmllint
# status: 1
. "$REAL/common.sh"
{ echo '<?xml version="1.0"?><!DOCTYPE l [<!ELEMENT l (b*)><!ELEMENT b (t,p+)><!ATTLIST b id ID #REQUIRED><!ELEMENT t (#PCDATA)><!ELEMENT p (#PCDATA)><!ENTITY who "somebody &amp; co">]><l>'
  seq 1 4000 | sed 's|.*|<b id="i&"><t>title & by \&who;</t><p>text &</p><p>ä&</p></b>|'; echo '</l>'; } > tmp/l.xml
xmllint --valid --noout tmp/l.xml && echo valid; xmllint --stream --noout tmp/l.xml && echo streamed
xmllint --xpath 'count(//p[contains(., "99")])' tmp/l.xml; echo; xmllint --xpath 'string(//b[@id="i77"]/t)' --noent tmp/l.xml; echo
xmllint --format --noent tmp/l.xml > out/formatted; xmllint --c14n tmp/l.xml | sha256sum; xmllint --noblanks --dropdtd --encode UTF-16 tmp/l.xml > out/utf16
cat > tmp/s.rng <<R
<element name="l" xmlns="http://relaxng.org/ns/structure/1.0" datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes"><zeroOrMore><element name="b"><attribute name="id"><data type="ID"/></attribute><element name="t"><text/></element><oneOrMore><element name="p"><data type="string"/></element></oneOrMore></element></zeroOrMore></element>
R
xmllint --noout --relaxng tmp/s.rng tmp/l.xml 2>&1 | tail -n 1
cat > tmp/s.xsd <<R
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="l"><xs:complexType><xs:sequence maxOccurs="10"><xs:element name="b" type="xs:string"/></xs:sequence></xs:complexType></xs:element></xs:schema>
R
xmllint --noout --schema tmp/s.xsd tmp/l.xml 2>&1 | sort | uniq -c | head -n 3
seq 1 500 | sed 's|.*|<p><b>x&<i>y</b>|' > tmp/bad.html; xmllint --html --recover tmp/bad.html 2>/dev/null | sha256sum
printf 'cd //b[5]\npwd\ncat t\nls\nquit\n' | xmllint --shell tmp/l.xml
sed 's|</p></b>|</b>|' tmp/l.xml | head -n 60 | xmllint -
