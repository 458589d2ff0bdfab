"""Children that no fork handler sees: _Fork, the clone system call, clone with a function, vfork.

32 threads of the parent are in the middle of anything when such a child begins.
"""
import os
import re

import pytest

from libraries import LIBRARIES
from runner import LIBRARY, program, run

ROUNDS = int(os.environ.get("HEAPTAG_TEST_ROUNDS", 1))


def assert_good(how, count, library):
    done = run([program("unseen_children"), how, count], library=library, report=True,
               timeout=120 * ROUNDS).ok()
    said = re.fullmatch(r"(\d+) of (\d+) good, 0, (\d+) calls\n", done.stdout)
    assert said and said[1] == said[2] == str(count), done.stdout
    report = done.report
    assert report.by_function("parent_keeps") == {
        "allocations": 100, "frees": 0, "live_blocks": 100, "live_bytes": 7000,
        "allocated_bytes": 7000}
    # The parent's own calls, and with vfork those of children, which share its memory.
    calls = report.by_function("child_allocates")
    assert calls["allocations"] == int(said[3]) and calls["live_blocks"] == 0
    assert report.totals["failed"] == 0 and report.totals["foreign_frees"] == 0


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("how", ["_Fork", "raw", "function", "vfork", "nested"])
def test_children_allocate_and_the_figures_stay(how, library):
    assert_good(how, 60 * ROUNDS, library)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["_Fork", "raw", "function", "vfork", "nested"])
def test_many_children(how):
    assert_good(how, 200 * ROUNDS, LIBRARY)
