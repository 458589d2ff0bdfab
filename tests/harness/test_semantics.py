"""What the calls promise: glibc 2.36's edge cases, alignment, contents, C++ operators.

Whatever a program can see of a call must be the same with and without the library, so most tests
run one program both ways and compare.
"""
import pytest

import runner
from runner import program, run

try:
    CASES = run([program("conformance"), "list"], preload=False).stdout.split()
except FileNotFoundError:  # not built: conftest says so
    CASES = []


def test_conformance_table(run_both):
    done = run_both([program("conformance")])
    assert done.status == 0
    assert len(done.stdout.splitlines()) >= len(CASES) > 15


@pytest.mark.parametrize("case", CASES)
def test_as_first_call_of_the_process(run_both, case):
    assert run_both([program("conformance"), "first", case]).status == 0


@pytest.mark.parametrize("case", CASES)
def test_as_first_call_of_a_thread(run_both, case):
    assert run_both([program("conformance"), "thread", case]).status == 0


def test_all_sizes_and_alignments(run_preloaded):
    done = run_preloaded([program("sizes")]).ok()
    assert done.stdout == "0 wrong\n"


def test_failed_calls_are_counted_and_nothing_else(run_preloaded):
    """A failed call counts only in `failed`; the twin that succeeds counts nothing there."""
    report = run_preloaded([program("operators")], report=True).ok().report
    assert report.totals["failed"] >= 13
    report = run_preloaded([program("sites_cxx")], report=True).ok().report
    assert report.totals["failed"] == 0


def test_operators(run_both):
    done = run_both([program("operators")])
    assert done.status == 0
    assert "new nothrow: null" in done.stdout and "std::bad_alloc" in done.stdout


@pytest.mark.parametrize("name,expected", [("replace_all", "7 news, 6 deletes"),
                                           ("replace_some", "4 array, 8 aligned")])
def test_program_with_own_operators(run_both, name, expected):
    """Derived operators call the base one that the program has, as the standard says."""
    done = run_both([program(name)])
    assert done.status == 0
    assert expected in done.stdout


def test_errno_survives(run_preloaded):
    assert run_preloaded([program("errno_sentinel")]).ok().stdout == "0 wrong\n"


@pytest.mark.slow
@pytest.mark.skipif(not runner.DEBUG_LIBRARY.exists(), reason="no Debug build (tests/run makes one)")
@pytest.mark.parametrize("argv", [["mix", "5", "20000"], ["cxx_mix"], ["sizes"], ["operators"],
                                  ["threads", "cross", "8", "5000"],
                                  ["threads", "dead", "8", "5000"],
                                  ["threads", "realloc", "8", "5000"],
                                  ["threads", "fork", "1", "5000"]], ids=lambda a: "-".join(a))
def test_with_full_checks(argv):
    """The Debug build checks its own invariants; it must agree with the Release build."""
    command = [program(argv[0]), *argv[1:]]
    release = run(command).ok()
    debug = run(command, library=runner.DEBUG_LIBRARY).ok()
    assert debug.outcome == release.outcome
