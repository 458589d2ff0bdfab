#!/bin/bash
# JVM: compiles and runs a class, threads, garbage collectors, streams, zip, direct memory, System.gc
# packages: openjdk-17-jre-headless
# programs: java
# slow
. "$REAL/common.sh"
cat > tmp/Work.java <<'J'
import java.util.*; import java.util.concurrent.*; import java.util.stream.*; import java.util.zip.*; import java.nio.*; import java.nio.file.*; import java.io.*;
public class Work {
  record Node(Node next, int n) {}
  public static void main(String[] args) throws Exception {
    var pool = Executors.newFixedThreadPool(8); var parts = new ArrayList<Future<Long>>();
    for (int t = 0; t < 16; t++) { final int k = t; parts.add(pool.submit(() -> { Node h = null; long s = 0; for (int i = 0; i < 100000; i++) { h = i % 1000 == 0 ? null : new Node(h, i); s += h == null ? k : h.n(); } return s; })); }
    long sum = 0; for (var f : parts) sum += f.get(); pool.shutdown(); System.out.println(sum);
    System.out.println(IntStream.range(0, 200000).parallel().mapToObj(i -> "k" + i % 977).collect(Collectors.groupingByConcurrent(s -> s, Collectors.counting())).size());
    var direct = new ArrayList<ByteBuffer>(); for (int i = 1; i < 200; i++) { var b = ByteBuffer.allocateDirect(i * 1000); b.putInt(0, i); direct.add(b); } System.out.println(direct.stream().mapToInt(b -> b.getInt(0)).sum()); direct = null; System.gc();
    var bytes = new ByteArrayOutputStream(); try (var zip = new ZipOutputStream(bytes)) { for (int i = 0; i < 50; i++) { zip.putNextEntry(new ZipEntry("e" + i)); zip.write(("line " + i + "\n").repeat(1000).getBytes()); } }
    long read = 0; try (var zip = new ZipInputStream(new ByteArrayInputStream(bytes.toByteArray()))) { while (zip.getNextEntry() != null) read += zip.readAllBytes().length; } System.out.println(read);
    Files.write(Path.of("out/numbers"), IntStream.range(0, 5000).mapToObj(i -> Integer.toHexString(i * 7919)).sorted().toList());
    var p = new ProcessBuilder("sh", "-c", "cat | wc -c; exit 4").redirectErrorStream(true).start(); p.getOutputStream().write(new byte[5000]); p.getOutputStream().close(); System.out.println(new String(p.getInputStream().readAllBytes()).trim() + " " + p.waitFor());
    try { int[] a = new int[2]; a[args.length + 2] = 1; } catch (ArrayIndexOutOfBoundsException e) { System.out.println(e.getMessage()); }
    try { Object o = null; o.toString(); } catch (NullPointerException e) { System.out.println("null"); }
    try { deep(0); } catch (StackOverflowError e) { System.out.println("deep"); }
    System.out.println(java.security.MessageDigest.getInstance("SHA-256").digest("x".getBytes())[0]); System.exit(3);
  }
  static int deep(int n) { return deep(n + 1) + 1; }
}
J
java=/usr/lib/jvm/java-17-openjdk-amd64/bin/java
$java -XX:+UseSerialGC -Xmx128m tmp/Work.java || echo "status $?"
$java -XX:+UseG1GC -XX:ParallelGCThreads=2 -Xmx128m -Xint -version 2>&1
