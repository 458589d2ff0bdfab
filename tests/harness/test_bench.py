"""bench/compare works: a run of seconds over all allocators that are installed."""
import json

from runner import ROOT, run


def test_compare_smoke(tmp_path):
    """Reading of the contract: --smoke measures each workload briefly; status 0, a table on
    stdout. The figures mean nothing and are not looked at."""
    done = run(["/usr/bin/python3", "-B", ROOT / "bench/compare", "--smoke"], preload=False,
               cwd=tmp_path, timeout=180, env={"HOME": str(tmp_path)})
    assert done.status == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "heaptag" in done.stdout and "jemalloc" in done.stdout
    for path in tmp_path.rglob("*.json"):
        json.loads(path.read_text())
