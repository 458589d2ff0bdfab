"""Births and deaths: processes, threads, libraries, and every way to end."""
import pytest

from libraries import LIBRARIES
from runner import LIBRARY, PROGRAMS, Report, program, run



@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("handlers", [[], ["handlers"]], ids=["plain", "handlers"])
def test_fork_while_threads_allocate(handlers, library):
    done = run([program("fork_threads"), "32", "150", *handlers], library=library).ok()
    assert done.stdout == "150 of 150 good\n"


@pytest.mark.slow
def test_many_forks():
    assert run([program("fork_threads"), "4", "1500", "handlers"]).ok().stdout == \
        "1500 of 1500 good\n"


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_way_to_make_a_child(run_both, library):
    done = run_both([program("children")], library=library)
    assert done.status == 0 and "bad" not in done.stdout and done.stdout.count("good") == 8


def test_children_leave_the_figures_of_the_parent_alone():
    report = run([program("children")], report=True).ok().report
    kept = report.by_function("parent_keeps")
    assert (kept["allocations"], kept["live_blocks"], kept["live_bytes"]) == (20, 20, 1000)
    assert report.by_function("child_works")["allocations"] == 0


@pytest.mark.parametrize("library", LIBRARIES)
def test_short_threads_leave_no_memory_behind(library):
    """After the first fifth the resident memory stays where it is: 4 MiB are left for noise."""
    done = run([program("thread_churn"), "20000"], library=library).ok()
    assert int(done.stdout) < 4096


@pytest.mark.slow
def test_a_hundred_thousand_threads():
    done = run([program("thread_churn"), "100000"], report=True).ok()
    assert int(done.stdout) < 4096
    left = done.report.by_function("life")
    assert left["live_blocks"] == 64 and left["live_bytes"] == 64 * 333
    assert left["allocations"] == 100000 * 32


@pytest.mark.parametrize("library", LIBRARIES)
def test_threads_that_allocate_while_they_end(run_both, library):
    done = run_both([program("thread_ends")], library=library, report=True)
    assert done.status == 0 and done.stdout == "done\n"
    report = Report.read(done.report_paths[0])
    made = report.by_function("in_destructor")
    assert made["allocations"] > 1000
    assert report.by_function("on_small_stack")["live_blocks"] == 0


@pytest.mark.parametrize("library", LIBRARIES)
def test_exit_while_detached_threads_allocate(library):
    """The sums of a report that is written meanwhile hold as well."""
    for _ in range(5):
        done = run([program("detached")], report=True, library=library)
        assert (done.status, done.stdout, done.stderr) == (6, "leaving\n", "")
        assert done.report.totals["threads"] == 9


def test_libraries_come_and_go():
    done = run([program("loads"), PROGRAMS / "lib_plugin.so", "300"], report=True).ok()
    assert done.stdout == "300\n"
    made = done.report.by_function("plugin_make")
    assert made["live_bytes"] >= 150 * 2222 and made["live_blocks"] >= 150
    frames = [s["frames"][0] for s in done.report.sites() if s["live_bytes"] >= 150 * 2222
              and s["frames"]]
    assert any("lib_plugin.so" in str(f["module"]) for f in frames)


@pytest.mark.parametrize("order", ["before", "after"])
def test_library_that_allocates_before_and_after_main(order):
    """It is preloaded beside heaptag, in both orders; its last block comes from a destructor."""
    hooks = PROGRAMS / "lib_hooks.so"
    both = f"{hooks}:{LIBRARY}" if order == "before" else f"{LIBRARY}:{hooks}"
    done = run([program("mix"), "1", "500"], library=both, report=True).ok()
    made = done.report.by_function("hook_allocates")
    assert made == {"allocations": 4, "frees": 3, "live_blocks": 1, "live_bytes": 3002,
                    "allocated_bytes": 3001 + 3002 + 3003 + 3004}


EXITS = {"return": 10, "exit": 10, "_exit": 10, "_Exit": 10, "quick_exit": 10, "at_quick_exit": 13,
         "atexit": 13, "in-destructor": 15, "thread": 10, "main-thread-ends-first": 10}


@pytest.mark.parametrize("mode", EXITS)
def test_every_exit_writes_a_report(mode):
    done = run([program("exits"), mode], report=True)
    assert done.stderr == ""
    status = 0 if mode == "main-thread-ends-first" else 7
    assert done.status == status
    assert done.report.by_function("leave_blocks")["live_blocks"] == EXITS[mode]
    assert done.report["process"]["reason"] == "exit"


@pytest.mark.parametrize("mode", ["abort", "kill", "term", "segv"])
def test_death_by_signal_writes_none(mode):
    done = run([program("exits"), mode], report=True)
    assert done.signal is not None and done.report_paths == [] and done.stderr == ""


def test_exec_starts_anew():
    """The old program ends without a report; the new one, same pid, writes its own."""
    done = run([program("exits"), "exec"], report=True).ok()
    assert done.report["process"]["program"] == "true"
