"""System calls of the library fail: the program sees ENOMEM where malloc may fail, and goes on.

programs/fault_at.c makes the n-th mmap, munmap, mprotect, madvise or mremap of the library fail
(every one from the n-th on; every n-th). programs/endures.c checks every block and prints what it
has counted: the report must say the same. TEST_LONG=1 (tests/run --long) tries every n.
"""
import os
import pathlib
import re
import tempfile

import pytest

from libraries import LIBRARIES
from runner import LIBRARY, Report, program, run

IS_LONG = os.environ.get("TEST_LONG") == "1"
COUNTED = ("allocations", "frees", "live_bytes", "allocated_bytes")
OVERFLOW = "(more call sites than can be told apart)"
NO_TABLES = "heaptag: no memory for heaptag's own tables at the start; there will be no report\n"
NO_REPORT = ("heaptag: no memory for the report to {}; figures are lost, the program is not "
             "touched\n")
FEWEST_CALLS = 60  # that the library makes in a run: fewer would try little


class Faulty:
    """One run of `endures` with faults, up to its end or (`also_report`) in the report, too."""

    def __init__(self, library, mode, number, also_report=False):
        self.report_path = pathlib.Path(tempfile.mkdtemp(prefix="faults.")) / "r.json"
        words = [program("fault_at"), library, mode, number, program("endures")]
        self.done = run(words if also_report else words + ["end"], preload=False,
                        env={"HEAPTAG_REPORT": str(self.report_path), "HEAPTAG_FORMAT": "json"})
        self.what = (f"{mode} {number}", self.done.outcome)
        assert self.done.status == 0, self.what
        *self.lines, last = self.done.stdout.splitlines()
        found = re.fullmatch(r"calls (\d+) failed (\d+) status (-?\d+) signal (\d+)", last)
        self.calls, self.failed, *outcome = map(int, found.groups())
        assert outcome == [0, 0] and self.lines[-1] == "good", self.what

    def counted(self):
        """{function: what the program has counted}, and the threads that could not be made."""
        numbers = {name: list(map(int, rest)) for name, *rest in map(str.split, self.lines[:-1])}
        return numbers, numbers.pop("unmade")[0]

    def check_figures(self):
        report = Report.read(self.report_path)
        by_function, unmade = self.counted()
        missing = 0
        for name, (allocations, frees, failed, live, allocated) in by_function.items():
            sites = [site for site in report.sites() if site["frames"] and re.fullmatch(
                name + r"(_\d)?", site["frames"][0].get("function") or "")]
            sums = [sum(site[key] for site in sites) for key in COUNTED]
            assert sums == [allocations, frees, live, allocated], (name, self.what)
            missing += failed - sum(site["failed"] for site in sites)
        # For whom there were no counters yet, it failed on nobody's account; libc's calls, too.
        rest = sum(tag["failed"] for tag in report["tags"] if tag["name"] == OVERFLOW)
        assert missing <= rest <= missing + 4 * unmade, (missing, rest, unmade, self.what)

    def check(self):
        if self.done.stderr:
            assert self.done.stderr == NO_TABLES, self.what
            assert not self.report_path.exists(), self.what
        else:
            self.check_figures()

    def check_loosely(self):
        """Where the report may fail: it is whole, or one line says that there is none."""
        if self.done.stderr:
            said = self.done.stderr
            assert said in (NO_TABLES, NO_REPORT.format(self.report_path)), self.what
            assert not list(self.report_path.parent.iterdir()), self.what
            return
        report = Report.read(self.report_path)
        by_function, _ = self.counted()
        for key, column in (("allocations", 0), ("frees", 1), ("failed", 2)):
            least = sum(numbers[column] for numbers in by_function.values())
            assert report.totals[key] >= least, (key, self.what)


def numbers(step):
    """1, 2, 3 … or, in a short run, some of them: the starts of different runs differ in nothing."""
    number = 1
    while True:
        yield number
        number += 1 if IS_LONG else step


def try_all(library, mode, step, also_report=False):
    """Runs until there are no more calls than that; gives back what the last run made."""
    for number in numbers(step):
        faulty = Faulty(library, mode, number, also_report)
        if also_report:
            faulty.check_loosely()
        else:
            faulty.check()
        if faulty.failed == 0:
            assert faulty.done.stderr == ""
            assert number > FEWEST_CALLS, faulty.what
            return
        assert number < 5000, "there is no end"


@pytest.mark.parametrize("library", LIBRARIES)
def test_one_call_fails(library):
    try_all(library, "nth", 1)


@pytest.mark.parametrize("library", LIBRARIES)
def test_all_calls_fail_from_one_on(library):
    try_all(library, "from", 3)


@pytest.mark.parametrize("library", LIBRARIES)
def test_calls_fail_again_and_again(library):
    try_all(library, "every", 4)


@pytest.mark.parametrize("mode,step", [("nth", 3), ("from", 7), ("every", 7)])
def test_calls_fail_in_the_report_too(mode, step):
    try_all(LIBRARY, mode, step, also_report=True)


def test_without_faults_all_is_as_ever():
    faulty = Faulty(LIBRARY, "nth", 1_000_000)
    assert faulty.failed == 0 and faulty.calls > FEWEST_CALLS
    faulty.check()
    assert all(numbers[2] == 0 for numbers in faulty.counted()[0].values())
