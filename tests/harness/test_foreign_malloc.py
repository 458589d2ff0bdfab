"""Libraries that find another malloc than ours, and what only looks like a malloc of its own."""
import pathlib

import pytest

from runner import LIBRARY, PROGRAMS, program, run, tool_or_skip


@pytest.mark.parametrize("name", ["own_malloc", "own_hidden"])
def test_program_without_one_that_looks_like_it(name):
    """The twins: &malloc lies in a program that is no PIE; a hidden malloc is no concern of ours."""
    done = run([program(name)], report=True).ok()
    assert "child 5\n" in done.stdout
    taken = [s for s in done.report.sites() if s["allocations"] > 0]
    assert taken and done.report.totals["failed"] == 0


@pytest.mark.parametrize("order", ["before", "behind"])
@pytest.mark.parametrize("argv", [["sites"], ["threads", "cross", "4", "500"], ["children"]],
                         ids=lambda a: a[0])
def test_preload_that_wraps_system_calls(order, argv):
    """It allocates in mmap, open and write: ours must not come back to it from inside malloc."""
    other = PROGRAMS / "lib_system_calls.so"
    both = f"{other}:{LIBRARY}" if order == "before" else f"{LIBRARY}:{other}"
    plain = run([program(argv[0]), *argv[1:]], preload=False).ok()
    done = run([program(argv[0]), *argv[1:]], library=both, report=True).ok()
    assert done.stdout == plain.stdout and done.report.totals["allocations"] > 0


def test_under_fakeroot():
    """A preload that talks to a daemon, which puts itself before what was there."""
    script = "touch f && chown 12:34 f && stat -c %u:%g f && exec " + program("mix") + " 1 500"
    folder = pathlib.Path(tool_or_skip("fakeroot")).parent
    results = [run([folder / "fakeroot", "sh", "-c", f"cd $(mktemp -d) && {script}"],
                   preload=preload) for preload in (False, True)]
    assert results[0].ok().stdout.startswith("12:34\n")
    assert results[1].outcome == results[0].outcome


def test_under_stdbuf(run_both):
    done = run_both(["stdbuf", "-o0", program("mix"), "1", "500"])
    assert done.status == 0


# ---- libraries that see another malloc ----------------------------------------------------------

PLUGIN = PROGRAMS / "lib_plugin.so"


@pytest.mark.parametrize("mode", ["deepbind", "deepbind-name", "deepbind-origin",
                                  "deepbind-base"])
def test_library_that_binds_its_own_names_first(mode, run_both):
    """Its blocks are freed here and ours there; it is found where the program would find it."""
    assert run_both([program("namespaces"), mode, PLUGIN]).stdout == "good\n"
    report = run([program("namespaces"), mode, PLUGIN], report=True).ok().report
    assert report.by_function("plugin_make")["allocations"] >= 600
    assert report.totals["foreign_frees"] == 0


def test_library_in_a_namespace_of_its_own(run_both):
    assert run_both([program("namespaces"), "apart", PLUGIN]).stdout == "good\n"
    report = run([program("namespaces"), "apart", PLUGIN], report=True).ok().report
    assert report.by_function("plugin_make")["allocations"] == 0
    assert report.totals["foreign_frees"] == 0


def test_blocks_from_another_namespace_are_refused_and_told():
    done = run([program("namespaces"), "stray", PLUGIN], report=True)
    assert (done.status, done.stdout) == (0, "good\n")
    assert done.report.totals["foreign_frees"] == 10
    assert [(error["kind"], error["count"]) for error in done.report["errors"]] == [
        ("invalid-free", 10)]
    assert "ERROR: invalid-free" in done.stderr


@pytest.mark.parametrize("argv", [["sites"], ["threads", "after", "4", "500"], ["children"],
                                  ["loads", PLUGIN, "50"]], ids=lambda a: a[0])
def test_with_an_auditor(argv):
    """LD_AUDIT: a second libc in the process, told of every library and symbol."""
    auditor = {"LD_AUDIT": str(PROGRAMS / "lib_auditor.so")}
    command = [program(argv[0]), *argv[1:]]
    plain = run(command, report=True).ok()
    done = run(command, env=auditor, report=True).ok()
    assert done.stdout == plain.stdout
    for name in ("give_10001", "allocate_here", "parent_keeps", "plugin_make"):
        assert done.report.by_function(name) == plain.report.by_function(name), name
