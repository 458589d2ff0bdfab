"""Handlers that allocate: never a deadlock, never a damaged block, and every call is counted.

glibc's malloc promises less: it hangs or aborts under the same storms. The figures that
programs/signal_storm.cc prints are its own; the report must have the same.
"""
import os
import re

import pytest

from libraries import LIBRARIES
from runner import LIBRARY, program, run

ROUNDS = int(os.environ.get("HEAPTAG_TEST_ROUNDS", 1))


def storm(threads, deliveries, source, action, *more, library=LIBRARY, rounds=ROUNDS):
    done = run([program("signal_storm"), threads, deliveries * rounds, source, action, *more],
               library=library, report=True, timeout=60 * rounds).ok()
    lines = done.stdout.splitlines()
    assert lines[-1] == "good", done.stdout
    report = done.report
    assert report.totals["failed"] == 0 and report.totals["foreign_frees"] == 0
    return {name: list(map(int, numbers)) for name, *numbers in map(str.split, lines[:-1])}, report


def assert_exact(figures, report):
    for name, (allocations, frees, live, allocated) in figures.items():
        assert report.by_function(name) == {
            "allocations": allocations, "frees": frees, "live_blocks": allocations - frees,
            "live_bytes": live, "allocated_bytes": allocated}, name


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.parametrize("source,deliveries", [("itimer", 1500), ("timers", 3000),
                                               ("tgkill", 3000), ("prof", 300)])
def test_storm(threads, source, deliveries, library):
    figures, report = storm(threads, deliveries, source, "none", library=library)
    assert figures["handler_allocates"][0] >= deliveries
    assert_exact(figures, report)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.parametrize("action", ["stdio", "throw", "fork", "_Fork"])
def test_storm_of_handlers_that_do_more(threads, action, library):
    """fprintf and asprintf; exceptions within and out of handlers; children, seen and unseen."""
    figures, report = storm(threads, 1500, "tgkill", action, library=library)
    assert_exact(figures, report)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("threads", [1, 8])
def test_storm_of_handlers_that_jump_away(threads, library):
    """What a jump cuts short may be counted or not, and nothing else."""
    figures, report = storm(threads, 3000, "tgkill", "jump", library=library)
    for name, (least, most) in figures.items():
        assert least <= report.by_function(name)["allocations"] <= most, name


@pytest.mark.parametrize("action", ["none", "jump", "fork"])
def test_storm_on_small_alternate_stacks(action):
    storm(4, 1500, "tgkill", action, "altstack")


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.parametrize("source,action", [("timers", "none"), ("timers", "jump"),
                                           ("itimer", "stdio")])
def test_long_storm(threads, source, action):
    storm(threads, 8000, source, action)


@pytest.mark.parametrize("library", LIBRARIES)
def test_handler_on_the_smallest_alternate_stack(library):
    """2 KiB beside what the kernel puts there; see programs/altstack.c."""
    assert run([program("altstack"), 2048], library=library).ok().stdout == "good\n"


def test_programs_see_their_own_handlers(run_both):
    """Whatever stands between the kernel and them: every line is the same."""
    done = run_both([program("handlers")])
    assert done.status == 0 and "a stranger" not in done.stdout
    assert len(re.findall("raised|set |ask ", done.stdout)) > 40


def test_programs_see_their_own_faults(run_both):
    """Handlers, their flags and masks, and ends by signals; see programs/fault_chain.c."""
    done = run_both([program("fault_chain")])
    assert done.status == 0 and len(re.findall("fault:|: exit", done.stdout)) > 30


STEPS = {"malloc": 1, "free": 1, "calloc": 3, "realloc": 3, "memalign": 7, "large": 7, "fresh": 3}


@pytest.mark.parametrize("action", ["return", "jump", "nest"])
@pytest.mark.parametrize("call", STEPS)
def test_between_any_two_instructions(call, action):
    """The handler allocates, and returns, jumps out, or is interrupted itself, three deep."""
    assert run([program("signal_steps"), call, action, STEPS[call]]).ok().stdout == "good\n"
