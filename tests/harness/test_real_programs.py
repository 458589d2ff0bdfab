"""Programs from Debian packages do the same work with and without the library: verdict, output and
result files. The scenarios are in tests/real/; scenarios.py says how they are run."""
import difflib
import os
import pathlib
import shutil
import tempfile

import pytest

from runner import Report
from scenarios import all_scenarios

SCENARIOS = all_scenarios()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """prepared(scenario): the folder that its runs begin with, or None."""
    done = {}

    def prepare(scenario):
        if not scenario.prepare.exists():
            return None
        if scenario.name not in done:
            folder = tmp_path_factory.mktemp(scenario.name)
            done[scenario.name] = folder
            outcome = scenario.run_prepare(folder)
            assert outcome.status == 0, outcome.stdout + outcome.stderr
        return done[scenario.name]

    return prepare


@pytest.fixture
def same_folder(tmp_path):
    """same_folder(): always the same path, and always empty: a path may be seen in the output."""

    def fresh():
        folder = tmp_path / "work"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    return fresh


def difference(name, one, other):
    lines = [text.decode("utf-8", "replace").splitlines() for text in (one, other)]
    return "\n".join(list(difflib.unified_diff(*lines, f"{name}, plain", f"{name}, preloaded",
                                               lineterm="", n=1))[:60])


def check_same(plain, preloaded):
    assert preloaded.verdict == plain.verdict, preloaded.run.stderr
    for name in ("stdout", "stderr"):
        one, other = getattr(plain, name), getattr(preloaded, name)
        assert one == other, difference(name, one, other)
    assert sorted(plain.files) == sorted(preloaded.files)
    for name, data in plain.files.items():
        assert data == preloaded.files[name], difference(name, data, preloaded.files[name])


def reports_in(folder):
    """Every report of a run, with its sums checked; not what a process had begun when it was killed."""
    return [Report.read(path) for path in sorted(folder.iterdir()) if path.suffix != ".part"]


@pytest.fixture
def reports():
    """A folder that servers which are not root can write to as well."""
    with tempfile.TemporaryDirectory(prefix="reports.", dir="/tmp") as name:
        os.chmod(name, 0o1777)
        yield pathlib.Path(name)


def parameters():
    return [pytest.param(one, id=one.name, marks=[pytest.mark.slow] if one.slow or one.long else [])
            for one in SCENARIOS]


@pytest.mark.parametrize("scenario", parameters())
def test_real_program(scenario, same_folder, prepared, reports):
    """Plain, preloaded, and preloaded with a report of every process."""
    start = prepared(scenario)
    plain = scenario.run(same_folder(), start, preload=False)
    assert plain.verdict == (scenario.status, None), plain.run.stdout + plain.run.stderr
    assert plain.stdout or plain.files, "a scenario has to show what it did"
    check_same(plain, scenario.run(same_folder(), start))

    check_same(plain, scenario.run(same_folder(), start, env={
        "HEAPTAG_REPORT": f"{reports}/%p.%n", "HEAPTAG_FORMAT": "json",
        "HEAPTAG_CHILDREN": scenario.children}))
    seen = {report["process"]["program"] for report in reports_in(reports)}
    assert set(scenario.programs) <= seen, f"not under the library: {scenario.programs}, only {seen}"
