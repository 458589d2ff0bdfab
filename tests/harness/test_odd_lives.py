"""Threads, stacks, code and libraries that are unlike others; see programs/odd_lives.c."""
import pytest

from libraries import LIBRARIES
from runner import LIBRARY, PROGRAMS, program, run



@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("mode", ["timers", "coroutines", "longjmp", "title", "atexit", "late-keys",
                                  "code"])
def test_same_outcome(run_both, mode, library):
    assert run_both([program("odd_lives"), mode], library=library).ok().stdout == "good\n"


@pytest.mark.parametrize("library", LIBRARIES)
def test_cancelled_at_any_instruction(library):
    """Whoever is cancelled within malloc loses a block at most: others go on, and so does the heap.
    (glibc's malloc hangs.)"""
    done = run([program("odd_lives"), "cancel"], library=library, timeout=60).ok()
    assert done.stdout == "good\n"


@pytest.mark.parametrize("library", LIBRARIES)
def test_loader_and_allocator_wait_for_nobody(library):
    done = run([program("odd_lives"), "loader", PROGRAMS], library=library, timeout=60, report=True)
    assert done.ok().stdout == "good\n"
    assert done.report.by_function("plugin_make")["allocations"] >= 3 * 150 * 20


def test_loaded_and_unloaded_as_a_plugin(run_both):
    """Not preloaded: it is some library, and stays when it is closed."""
    done = run([program("odd_lives"), "dlopen", LIBRARY], preload=False)
    assert (done.status, done.stdout, done.stderr) == (0, "good\n", "")
    assert run([program("odd_lives"), "dlopen", LIBRARY]).ok().stdout == "good\n"


def test_code_without_a_file_is_counted():
    """Blocks that no module asked for are somebody's all the same."""
    report = run([program("odd_lives"), "code"], report=True).ok().report
    hits = [site for site in report.sites() if site["allocated_bytes"] == 1000 * 43210]
    assert len(hits) == 1 and hits[0]["allocations"] == 1000 and hits[0]["live_blocks"] == 0


@pytest.mark.parametrize("mode", ["title", "atexit"])
def test_report_of_a_program_that_overwrote_its_environment(mode):
    """Options were read before; handlers that are registered late are in the report."""
    done = run([program("odd_lives"), mode], report=True).ok()
    assert done.report.totals["allocations"] > 50


def test_empty_environment(run_both):
    """Nothing but LD_PRELOAD, and nothing at all below it."""
    only = {"LD_PRELOAD": str(LIBRARY)}
    assert run([program("mix"), "1", "500"], exact_env=only).ok()
    assert run(["/usr/bin/env", "-i", program("mix"), "1", "500"], exact_env=only).ok()
