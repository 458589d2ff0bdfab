"""bench/compare works: a run of seconds over all allocators that are installed."""
import json
import re

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


def test_workloads_are_those_of_the_readme():
    """The table in bench/README.md and `bench/compare --list` name the same workloads; larson-*N*
    stands for larson-1, larson-2 and larson-4."""
    done = run(["/usr/bin/python3", "-B", ROOT / "bench/compare", "--list"], preload=False)
    assert done.status == 0, done.stderr
    listed = {line.split()[0] for line in done.stdout.splitlines()}
    table = (ROOT / "bench/README.md").read_text().split("## The workloads")[1].split("\n\n")[1]
    cells = [row.split("|")[2] for row in table.splitlines()[2:]]
    names = {name.strip() for cell in cells for name in cell.split(",")}
    described = {name.replace("*N*", n) for name in names for n in "124"}
    assert listed == described
    assert len(listed) > 40 and re.search(r"^redis +real ", done.stdout, re.M)
