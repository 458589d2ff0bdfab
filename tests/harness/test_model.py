"""Random runs against a model of every block: programs/model_run.cc.

The program checks bytes, alignment, usable size and contents through realloc; its figures of every
call site must be the report's, to the unit. TEST_LONG=1 (tests/run --long) makes 10^8 calls.
"""
import os
import resource

import pytest

from libraries import LIBRARIES
from runner import LIBRARY, program, run

IS_LONG = os.environ.get("TEST_LONG") == "1"
COUNTED = ("allocations", "frees", "failed", "live_bytes", "allocated_bytes")


def check(operations, threads, generations, seed=1, library=LIBRARY, **options):
    done = run([program("model_run"), operations, threads, generations, seed], report=True,
               library=library, timeout=7200 if IS_LONG else 300, **options)
    *rows, reallocations, last = done.ok().stdout.splitlines()
    assert last == "good"
    report = done.report
    assert len(rows) == 52
    seen = 0
    for row in rows:
        name, *figures = row.split()
        sites = [site for site in report.sites() if site["frames"] and
                 site["frames"][0].get("function") == name]
        assert len(sites) == 1, name
        assert [sites[0][key] for key in COUNTED] == list(map(int, figures)), name
        seen += int(figures[0]) + int(figures[1]) + int(figures[2])
    assert seen > operations // 2  # calls that count: handing over and the like does not
    assert report.totals["reallocations"] == int(reallocations.split()[1])
    assert report.totals["foreign_frees"] == 0
    # The rest is libc's.
    assert report.totals["failed"] == sum(int(row.split()[3]) for row in rows)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("threads,generations", [(1, 2), (4, 20), (24, 60)])
def test_figures_equal_the_model(library, threads, generations):
    check(2_000_000, threads, generations, library=library)


def test_figures_equal_the_model_when_all_is_freed():
    check(1_000_000, 4, 10, seed=2)


def test_figures_equal_the_model_in_segments():
    """A limit on address space: memory comes in segments, not from one reserved range."""
    check(1_000_000, 4, 10, seed=3, limits={resource.RLIMIT_AS: 4 << 30})


@pytest.mark.skipif(not IS_LONG, reason="TEST_LONG=1, or tests/run --long")
@pytest.mark.parametrize("seed", [11, 12])
def test_figures_equal_the_model_in_a_long_run(seed):
    check(50_000_000, 4, 200, seed=seed)
