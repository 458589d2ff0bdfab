"""Every entry point as the first call of a process, a thread, a constructor and a child."""
import re

import pytest

from libraries import LIBRARIES
from runner import LIBRARY, PROGRAMS, ROOT, program, run

CHILDREN = ["fork", "_Fork", "vfork", "raw", "clone"]


def entry_points():
    table = (ROOT / "preload/entry_points.def").read_text()
    return re.findall(r"^HEAPTAG_ENTRY\((\w+)", table, re.M)


def expected_status(name):
    return 7 if name in ("_exit", "_Exit") else 0


def each_as_first(argv, *, env=lambda name: {}, **options):
    """Runs once for each entry point; what malloc_stats says of itself is on stderr."""
    wrong = []
    for name in entry_points():
        done = run([a.replace("NAME", name) for a in argv], env=env(name), **options)
        if done.status != expected_status(name) or (done.stderr and name != "malloc_stats"):
            wrong.append((name, done.status, done.signal, done.stderr))
    assert wrong == []


def test_every_entry_point_is_tried():
    """Whoever exports one more says in programs/first_calls.h how it is called."""
    tried = run([program("first_calls"), "list"]).ok().stdout.split()
    assert sorted(tried) == sorted(entry_points()) and len(tried) > 50


def test_of_a_process():
    each_as_first([program("first_calls"), "main", "NAME"])


@pytest.mark.parametrize("when", ["constructor", "preinit"])
def test_of_a_process_before_main(when):
    each_as_first([program("first_calls"), "early"],
                  env=lambda name: {"FIRST_CALL": f"{when}:{name}"})


def test_of_a_constructor_of_a_library():
    each_as_first([program("first_calls"), "library"], library=f"{LIBRARY}:{PROGRAMS}/lib_first.so",
                  env=lambda name: {"FIRST_CALL": f"library:{name}"})


@pytest.mark.parametrize("library", LIBRARIES)
def test_of_a_constructor_before_ours(library):
    """The loader starts one library before all others, the last that wants it: not ours then."""
    each_as_first([program("first_calls"), "library"],
                  library=f"{library}:{PROGRAMS}/lib_first_of_all.so",
                  env=lambda name: {"FIRST_CALL": f"library:{name}"})


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("when", ["thread", *CHILDREN])
def test_of_a_thread_or_child(when, library):
    done = run([program("first_calls"), when], library=library)
    assert (done.status, done.stdout) == (0, "")


def test_a_constructor_before_ours_is_counted():
    """Blocks that were there before our constructor are in the report as all others are."""
    done = run([program("first_calls"), "library"], report=True,
               library=f"{LIBRARY}:{PROGRAMS}/lib_first_of_all.so",
               env={"FIRST_CALL": "library:malloc"}).ok()
    # Of what runs before our constructor only exported functions are known for wrappers by their name.
    assert done.report.by_function("first_malloc") == {
        "allocations": 1, "frees": 0, "live_blocks": 1, "live_bytes": 3000, "allocated_bytes": 3000}


@pytest.mark.parametrize("library", LIBRARIES)
def test_fork_handlers_registered_before_ours(library):
    """They run while our locks are held, and allocate; so do those that the program registers."""
    done = run([program("fork_threads"), "32", "60", "handlers"],
               library=f"{library}:{PROGRAMS}/lib_first_of_all.so")
    assert done.ok().stdout == "60 of 60 good\n"
