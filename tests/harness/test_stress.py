"""Everything at once, and what once went wrong.

The totals that programs/stress.cc prints are its own; the report must have the same, per function.
"""
import pytest

from libraries import LIBRARIES
from runner import program, run



def assert_same_totals(done):
    lines = done.ok().stdout.splitlines()
    assert lines[-1] == "good"
    report = done.report
    assert len(lines) == 7
    for line in lines[:-1]:
        name, *numbers = line.split()
        allocations, frees, live, allocated = map(int, numbers)
        assert report.by_function(name) == {
            "allocations": allocations, "frees": frees, "live_blocks": allocations - frees,
            "live_bytes": live, "allocated_bytes": allocated}, name
    assert report.totals["failed"] == 0 and report.totals["foreign_frees"] == 0


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("threads,generations,calls", [(1, 3, 4000), (4, 4, 4000), (16, 12, 150)])
def test_totals(library, threads, generations, calls):
    assert_same_totals(run([program("stress"), threads, generations, calls], library=library,
                           report=True))


def test_totals_do_not_depend_on_the_allocator(run_both):
    run_both([program("stress"), 4, 3, 2000])


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
def test_totals_of_a_long_run(library):
    assert_same_totals(run([program("stress"), 8, 30, 10000], library=library, report=True))


@pytest.mark.slow
def test_totals_under_a_limit():
    """A limit on address space: memory comes in segments, not from one reserved range."""
    import resource
    assert_same_totals(run([program("stress"), 4, 4, 4000], report=True,
                           limits={resource.RLIMIT_AS: 2 << 30}))


@pytest.mark.parametrize("library", LIBRARIES)
def test_realloc_to_too_much_and_of_all_that_is_usable(library):
    assert run([program("realloc_edges")], library=library).ok().stdout == "done\n"


@pytest.mark.parametrize("library", LIBRARIES)
def test_program_that_limits_itself_has_room_for_others(library):
    assert run([program("limit_leaves_room")], library=library).ok().stdout == "200000\n"


@pytest.mark.parametrize("library", LIBRARIES)
def test_threads_that_only_allocate_in_destructors_leave_nothing(library):
    """Their states serve the next thread; 1 MiB is left for noise."""
    assert int(run([program("destructor_churn")], library=library).ok().stdout) < 1024


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("mode", ["partly", "wholly"])
def test_memory_runs_out_in_a_hot_call_site(library, mode):
    assert run([program("exhaust_hot"), mode], library=library).ok().stdout == "good\n"
