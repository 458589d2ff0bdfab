#!/bin/bash
# xsltproc: keys, sorting, recursion, EXSLT, many output files
# packages: xsltproc
# programs: xsltproc
. "$REAL/common.sh"
{ echo '<l>'; seq 1 3000 | sed 's|.*|<b id="i&" g="&0"><t>title &</t></b>|'; echo '</l>'; } > tmp/l.xml
cat > tmp/s.xsl <<'X'
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:e="http://exslt.org/common" xmlns:str="http://exslt.org/strings" extension-element-prefixes="e str">
<xsl:key name="by" match="b" use="substring(@id, string-length(@id))"/>
<xsl:template name="f"><xsl:param name="n"/><xsl:choose><xsl:when test="$n &lt; 2"><xsl:value-of select="$n"/></xsl:when><xsl:otherwise><xsl:variable name="a"><xsl:call-template name="f"><xsl:with-param name="n" select="$n - 1"/></xsl:call-template></xsl:variable><xsl:variable name="b"><xsl:call-template name="f"><xsl:with-param name="n" select="$n - 2"/></xsl:call-template></xsl:variable><xsl:value-of select="$a + $b"/></xsl:otherwise></xsl:choose></xsl:template>
<xsl:template match="/"><html><xsl:call-template name="f"><xsl:with-param name="n" select="14"/></xsl:call-template>
<xsl:for-each select="key('by', '7')"><xsl:sort select="t" order="descending"/><p><xsl:value-of select="t"/><xsl:for-each select="str:tokenize('a,b,c', ',')">[<xsl:value-of select="."/>]</xsl:for-each></p></xsl:for-each>
<xsl:for-each select="//b[position() mod 500 = 0]"><e:document href="out/{@id}.xml"><xsl:copy-of select="."/></e:document></xsl:for-each>
<xsl:apply-templates select="//b[@g mod 70 = 0]"><xsl:sort select="@g" data-type="number"/></xsl:apply-templates></html></xsl:template>
<xsl:template match="b"><i><xsl:number level="any"/><xsl:value-of select="generate-id(.) = generate-id(..)"/></i></xsl:template>
</xsl:stylesheet>
X
xsltproc -o out/result.html tmp/s.xsl tmp/l.xml; sha256sum out/result.html; echo '<x/>' | xsltproc tmp/absent.xsl - || echo "status $?"
