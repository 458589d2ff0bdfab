"""Snapshots: saved by the program, by `run` and from a live process; read back whole or refused."""
import json
import random
import re

import pytest

from live import by_site, heaptag, report_of, running
from runner import COMMAND, ROOT, Report, program, run

pytestmark = pytest.mark.skipif(not COMMAND.exists(), reason=f"{COMMAND} is not built")


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    """Written by the library itself."""
    path = tmp_path_factory.mktemp("snapshot") / "sites.snap"
    run([program("sites")], env={"HEAPTAG_REPORT": str(path), "HEAPTAG_FORMAT": "snapshot"}).ok()
    return path


def one_line(done, *words):
    (line,) = done.stderr.splitlines()
    assert (done.status, done.stdout) == (2, "") and line.startswith("heaptag: "), done.stderr
    for word in words:
        assert word in line, line


def test_says_what_the_json_report_says(snapshot):
    json_report = run([program("sites")], report=True).ok().report
    report = report_of(snapshot)
    assert by_site(report) == by_site(json_report)
    for key in ("allocations", "frees", "live_bytes", "allocated_bytes", "threads", "failed"):
        assert report.totals[key] == json_report.totals[key], key
    assert report["process"]["exit"] == 0 and report["process"]["program"] == "sites"
    assert any(frame["file"] and frame["file"].endswith("sites.c")
               for site in report.sites() for frame in site["frames"])


def test_is_small(snapshot):
    report = run([program("sites")], report=True)
    assert snapshot.stat().st_size * 3 < report.report_paths[0].stat().st_size


def test_json_and_snapshot_turn_into_each_other(snapshot, tmp_path):
    heaptag("report", snapshot, "-o", tmp_path / "a.json").ok()
    heaptag("report", tmp_path / "a.json", "-o", tmp_path / "b.snap").ok()
    heaptag("report", tmp_path / "b.snap", "-o", tmp_path / "b.json").ok()
    first, second = (json.loads((tmp_path / name).read_text()) for name in ("a.json", "b.json"))
    assert first == second
    heaptag("report", tmp_path / "b.snap", "-o", tmp_path / "c.txt").ok()
    assert "counted, not sampled" in (tmp_path / "c.txt").read_text()


def test_of_a_live_process(tmp_path):
    with running("busy", 2, -10, wait_for="done") as child:
        heaptag("snapshot", child.pid, "-o", tmp_path / "busy.snap").ok()
        live = report_of(child.pid)
        done = heaptag("snapshot", child.pid, cwd=tmp_path).ok()
        match = re.fullmatch(r"saved: (\S+)    next: heaptag report \1\n", done.stdout)
        assert match and (tmp_path / match[1]).exists()
    # The process is gone; the file knows it all.
    saved = report_of(tmp_path / "busy.snap")
    assert by_site(saved) == by_site(live)
    assert saved.by_function("keep_here")["live_blocks"] == 200
    assert by_site(report_of(tmp_path / match[1])) == by_site(live)


def test_run_saves_one_and_says_how_to_show_it(tmp_path):
    done = heaptag("run", "--", program("sites"), cwd=tmp_path)
    (path,) = tmp_path.iterdir()
    assert re.fullmatch(r"heaptag\.sites\.\d+\.snap", path.name)
    last = done.stderr.splitlines()[-1]
    assert last.split("next: ")[1] == f"heaptag report {path.name} --by module"
    shown = heaptag("report", path.name, "--by", "module", cwd=tmp_path).ok().stdout
    assert re.match(r"sites\[\d+\] exited with status 0 after ", shown)
    assert "modules, counted, not sampled" in shown


def test_run_report_as_snapshot(tmp_path):
    heaptag("run", "-q", "-o", "a.json", "--report", "r.snap", "--format", "snapshot", "--",
            program("sites"), cwd=tmp_path).ok()
    with open(tmp_path / "a.json", encoding="utf-8") as file:
        assert by_site(Report(json.load(file))) == by_site(report_of(tmp_path / "r.snap"))
    one_line(heaptag("run", "--format", "snapshot", "true", cwd=tmp_path), "--report")


def test_of_earlier_formats_is_read():
    """Format 1 was written by a heaptag that knew neither rules nor size classes, format 2 by one
    that knew no errors."""
    for version, rules in ((1, []), (2, ["net", "db"])):
        path = ROOT / f"tests/data/format{version}.snap"
        report = report_of(path)
        assert [(tag["name"], tag["origin"], len(tag["sites"])) for tag in report["tags"]] == [
            ("pixels_alloc", "site", 1), ("net", "rule", 2)]
        assert [rule["name"] for rule in report["rules"]] == rules
        assert report["process"]["exit"] == 3 and report["errors"] == []
        assert "[net]  " in heaptag("report", path).ok().stdout


def test_rules_and_sizes_survive(snapshot, tmp_path):
    heaptag("report", snapshot, "-o", tmp_path / "a.json").ok()
    report = json.loads((tmp_path / "a.json").read_text())
    report["rules"] = [{"name": "a", "text": "a=lib:a*", "matched_sites": 3},
                       {"name": "b", "text": "b=func:\"b,c\"", "matched_sites": 0}]
    for number, tag in enumerate(report["tags"]):
        tag["sites"][0]["size_classes"] = number or None
    (tmp_path / "b.json").write_text(json.dumps(report))
    heaptag("report", tmp_path / "b.json", "-o", tmp_path / "c.snap").ok()
    again = report_of(tmp_path / "c.snap")
    assert again["rules"] == report["rules"]
    assert again["tags"] == report["tags"]


def test_broken_ones_are_refused_in_one_line(snapshot, tmp_path):
    whole = snapshot.read_bytes()
    broken = tmp_path / "broken.snap"
    for length in (1, 7, 8, 11, 12, 13, len(whole) // 2, len(whole) - 1):
        broken.write_bytes(whole[:length])
        one_line(heaptag("report", broken), "broken.snap", f"cut off after {length} bytes")
    broken.write_bytes(b"")
    one_line(heaptag("report", broken), "is empty")
    broken.write_bytes(whole[:8] + b"\x63\0\0\0" + whole[12:])
    one_line(heaptag("report", broken), "broken.snap", "newer heaptag (format 99; this one reads up "
             "to 3)", "use that heaptag's command")
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    broken.write_bytes(changed)
    one_line(heaptag("report", broken), "broken.snap")
    noise = random.Random(1)
    for _ in range(20):
        broken.write_bytes(noise.randbytes(noise.randrange(1, 400)))
        one_line(heaptag("report", broken), "broken.snap")


@pytest.mark.parametrize("text", ["{}", "[1]", "{\"heaptag\": 1}", "not JSON", "{\"a\":",
                                  "{\"heaptag\": {\"schema\": 9}, \"totals\": {}}"])
def test_json_that_is_not_ours(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    one_line(heaptag("report", path), "x.json")
