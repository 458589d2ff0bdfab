#!/bin/bash
# numpy: matrices, sorting, FFT, memory maps, OpenBLAS or reference LAPACK in threads
# packages: python3 python3-numpy
# programs: python3.11
. "$REAL/common.sh"
python3 - <<'PY'
import threading
import numpy as np
r = np.random.default_rng(7)
a = r.integers(-9, 10, (200, 200)).astype(float)
print(round(np.linalg.slogdet(a)[1], 6), np.linalg.matrix_rank(a))
print(np.allclose(np.linalg.inv(a) @ a, np.eye(200), atol=1e-6))
x = r.integers(0, 1000, 300000)
print(np.sort(x)[::30000].tolist(), np.unique(x).size, np.bincount(x).max())
print(np.round(np.abs(np.fft.fft(np.sin(np.arange(4096) / 10)))[:60:10], 4).tolist())
sums = []
def work(n):
    for k in range(50):
        b = np.arange(n * 1000, dtype=np.int64).reshape(-1, 100).copy()
        b = np.concatenate([b, b[::-1]]).T.copy()
    sums.append(int(b.sum()))
threads = [threading.Thread(target=work, args=(n,)) for n in range(10, 90, 10)]
[t.start() for t in threads]; [t.join() for t in threads]
print(sorted(sums))
m = np.memmap("tmp/map", dtype=np.int32, mode="w+", shape=(1000, 100))
m[:] = np.arange(100000).reshape(1000, 100); m.flush()
print(np.fromfile("tmp/map", np.int32).sum())
np.savez_compressed("tmp/z.npz", a=a, x=x)
print(np.array_equal(np.load("tmp/z.npz")["x"], x))
PY
