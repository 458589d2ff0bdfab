#!/bin/bash
# nodejs: worker threads, streams, crypto in the thread pool, zlib, child processes, WebAssembly
# packages: nodejs
# programs: node
# status: 5
. "$REAL/common.sh"
cat > tmp/work.js <<'JS'
const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
const zlib = require("zlib"), crypto = require("crypto"), fs = require("fs"), cp = require("child_process"), http = require("http");
const { promisify } = require("util"), { pipeline } = require("stream/promises"), { once } = require("events");
if (!isMainThread) {
  let m = new Map(); for (let i = 0; i < 30000; i++) m.set("k" + (i * 7919 % 3001), { i, s: "x".repeat(i % 30) });
  const b = Buffer.alloc(200000, workerData.n); parentPort.postMessage({ n: workerData.n, size: m.size, h: crypto.createHash("sha256").update(b).digest("hex").slice(0, 8), b }, [b.buffer]);
} else (async () => {
  const results = await Promise.all([1, 2, 3, 4, 5, 6].map(async n => { const w = new Worker(__filename, { workerData: { n } }); const [[r]] = await Promise.all([once(w, "message"), once(w, "exit")]); return [r.n, r.size, r.h, r.b.length]; }));
  console.log(JSON.stringify(results));
  const w = new Worker("for(;;){}", { eval: true }); await once(w, "online"); console.log(await w.terminate());
  const text = Buffer.from(Array.from({ length: 20000 }, (_, i) => i * i).join(","));
  const packs = await Promise.all([1, 5, 9].map(level => promisify(zlib.gzip)(text, { level }))); console.log((await Promise.all(packs.map(p => promisify(zlib.gunzip)(p)))).every(b => b.equals(text)));
  const keys = await Promise.all(Array.from({ length: 8 }, (_, i) => promisify(crypto.pbkdf2)("p" + i, "salt", 2000, 32, "sha512"))); console.log(keys.map(k => k.toString("hex").slice(0, 6)).join());
  fs.writeFileSync("tmp/in", text); await pipeline(fs.createReadStream("tmp/in"), zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }), zlib.createBrotliDecompress(), fs.createWriteStream("out/copy"));
  console.log(cp.execFileSync("sh", ["-c", "seq 1 5 | wc -l"]).toString().trim(), cp.spawnSync("false").status);
  const server = http.createServer((q, r) => q.pipe(r)).listen(+process.env.PORT, "127.0.0.1"); await once(server, "listening");
  const bodies = await Promise.all(Array.from({ length: 40 }, (_, i) => fetch("http://127.0.0.1:" + process.env.PORT, { method: "POST", body: "b".repeat(i * 500) }).then(r => r.text()))); console.log(bodies.reduce((s, b) => s + b.length, 0)); server.close(); server.closeAllConnections?.();
  const wasm = new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,1,7,1,96,2,127,127,1,127,3,2,1,0,7,7,1,3,97,100,100,0,0,10,9,1,7,0,32,0,32,1,106,11])); console.log(new WebAssembly.Instance(wasm).exports.add(40, 2));
  const { privateKey, publicKey } = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }); console.log(crypto.verify("sha256", text, publicKey, crypto.sign("sha256", text, privateKey)));
  let a = []; for (let i = 0; i < 300000; i++) { a.push({ i, t: [i] }); if (a.length > 5000) a = []; } console.log(a.length, [..."żółw"].reverse().join(""), new Intl.NumberFormat("en").format(1234567));
  console.error("to stderr"); process.exitCode = 5;
})();
JS
node tmp/work.js
