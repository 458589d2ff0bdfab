"""Guarded blocks (HEAPTAG_GUARD=all): reads and writes beyond, before and after are caught in the act.

The instruction itself is named, and the program dies of its SIGSEGV, after the report. A guard lies
on one side of a block only, so programs/planted tries reads on a few blocks; writes on the other side
are found at free, or by watchpoints of the processor (test_watchpoints.py).
"""
import re

import pytest

import runner
from planted import (ALIGNED, ALIGNMENT, ALLOCATORS, GUARDS, MODES, SIZES, SOME_SIZES, function_of,
                     plant)

FAULT = {"fault"}
# case: kind, who has done it, whether the block was free
READS = {"read_beyond": "overflow-read", "read_before": "underflow-read",
         "uaf_read": "use-after-free-read"}
WRITES = {"overflow_1": "overflow", "overflow_16": "overflow", "underflow_1": "underflow",
          "underflow_16": "underflow"}


def sizes_of(allocator, sizes):
    """An aligned block ends at its guard if its size is a multiple of the alignment."""
    return [size for size in sizes if allocator not in ALIGNED or size % ALIGNMENT == 0]


def check_fault(case, size, kind, allocator, who, env=None, **functions):
    found = plant(case, size, env or GUARDS, allocator)
    assert found.done.signal == runner.signal.SIGSEGV, str(found)
    error = found.check(kind, FAULT, allocated="the_allocator", detected=who, **functions)
    assert found.report["process"]["reason"] in ("error", "signal"), str(found)
    lines = found.done.stderr.splitlines()
    assert re.match(rf"==\d+== heaptag: ERROR: {kind}\b", lines[0]), str(found)
    assert re.match(rf"==\d+== SUMMARY: heaptag: {kind} \S+ in \S+", lines[-1]), str(found)
    return error


@pytest.mark.parametrize("case", READS)
def test_reads(case):
    functions = {"freed": "the_freer"} if case == "uaf_read" else {}
    for size in SIZES:
        check_fault(case, size, READS[case], "malloc", "the_reader", **functions)


@pytest.mark.parametrize("allocator", ALLOCATORS)
@pytest.mark.parametrize("case", READS)
def test_reads_whoever_has_allocated(case, allocator):
    sizes = SOME_SIZES if case == "uaf_read" else sizes_of(allocator, [*SOME_SIZES, 64, 1024])
    for size in sizes:
        check_fault(case, size, READS[case], allocator, "the_reader")


@pytest.mark.parametrize("position", ["first", "middle", "last"])
def test_writes_after_the_free(position):
    for size in SIZES:
        check_fault(f"uaf_{position}_quiet", size, "use-after-free-write", "malloc", "the_writer",
                    freed="the_freer")


@pytest.mark.parametrize("allocator", ALLOCATORS)
def test_writes_after_the_free_whoever_has_allocated(allocator):
    for size in SOME_SIZES:
        check_fault("uaf_freed_by_thread", size, "use-after-free-write", allocator, "the_writer",
                    freed="the_freer")


def test_writes_through_the_old_pointer_after_realloc():
    for size in SIZES:
        check_fault("stale_realloc", size, "use-after-free-write", "malloc", "the_writer",
                    freed="the_reallocator")


@pytest.mark.parametrize("case", WRITES)
def test_writes_outside(case):
    """In the act on the side of the guard; on the other one, too, where the processor watches (the
    program goes on then), else at free."""
    for size in SIZES:
        found = plant(case, size, MODES["full"], "malloc")
        error = found.only()
        assert error["kind"] == WRITES[case], str(found)
        _, block_size, _ = found.blocks[-1]
        assert error["size"] == block_size, str(found)
        if error["found_when"] == "fault":
            assert function_of(error["detected_at"]) == "the_writer", str(found)
            if found.done.signal != runner.signal.SIGSEGV:
                found.went_on()
        else:
            assert error["found_when"] == "free", str(found)
            found.went_on()
            assert function_of(error["detected_at"]) == "the_freer", str(found)
        assert function_of(error["allocated_by"]) == "the_allocator", str(found)


def test_other_faults_are_the_programs_own(run_both):
    """A fault that is at no guard: the same signal, and no word of ours."""
    done = run_both(["/bin/sh", "-c", "kill -SEGV $$"], env={"HEAPTAG_GUARD": "all"})
    assert done.signal == runner.signal.SIGSEGV


@pytest.mark.parametrize("case,kind", [("double_free", "double-free"),
                                       ("interior_free_16", "interior-free"),
                                       ("foreign_free", "invalid-free"),
                                       ("new_free", "family-mismatch")])
def test_frees_of_guarded_blocks(case, kind):
    for size in (24, 100, 5000):
        found = plant(case, size, GUARDS).went_on()
        found.check(kind, {"free"})
