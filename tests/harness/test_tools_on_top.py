"""Debuggers, tracers and Valgrind around a preloaded program."""
import re

import pytest

from runner import LIBRARY, Report, program, run, tool_or_skip


def test_gdb_starts_it(tmp_path):
    """The library goes to the program and not to gdb; a break in a constructor, one in malloc's
    caller, a step through free, and to the end."""
    commands = ["set pagination off", "set debuginfod enabled off",
                f"set exec-wrapper env LD_PRELOAD={LIBRARY} HEAPTAG_FORMAT=json "
                f"HEAPTAG_REPORT={tmp_path}/r.json",
                "break give_10001", "run", "finish", "next", "info symbol malloc", "delete",
                "print (long)malloc_usable_size(malloc(100)) >= 100",
                "continue"]
    words = [word for command in commands for word in ("-ex", command)]
    done = run([tool_or_skip("gdb"), "-batch", "-nx", *words, program("sites")], preload=False,
               env={"SHELL": "/bin/sh"})
    assert done.status == 0, done.stderr
    assert "Breakpoint 1, give_10001" in done.stdout and "exited normally" in done.stdout
    assert "libheaptag.so" in done.stdout and "= 1\n" in done.stdout
    assert Report.read(tmp_path / "r.json").by_function("give_10001")["allocations"] == 30


@pytest.mark.parametrize("argv", [["--version"], ["-batch", "-nx", "-ex", "print 6 * 7"]], ids=str)
def test_gdb_itself_is_preloaded(run_both, argv):
    """Two thousand allocations before any constructor of ours could have run."""
    assert run_both([tool_or_skip("gdb"), *argv]).status == 0


@pytest.mark.parametrize("argv", [["children"], ["threads", "cross", "4", "300"], ["exits", "exit"]],
                         ids=lambda a: a[0])
def test_strace_follows_it(argv, tmp_path):
    command = [program(argv[0]), *argv[1:]]
    plain = run(command, preload=False)
    done = run([tool_or_skip("strace"), "-f", "-o", tmp_path / "trace", "-E",
                f"LD_PRELOAD={LIBRARY}", *command], preload=False)
    assert done.outcome == plain.outcome
    assert "libheaptag.so" in (tmp_path / "trace").read_text()


@pytest.mark.parametrize("argv", [["mix", "1", "500"], ["threads", "cross", "2", "100"], ["sites"]],
                         ids=lambda a: a[0])
def test_valgrind_finds_nothing(argv):
    """It puts its own malloc in our place, and finds no error in what remains of us."""
    command = [program(argv[0]), *argv[1:]]
    plain = run(command, preload=False)
    done = run([tool_or_skip("valgrind"), "--error-exitcode=99", *command], report=True)
    assert (done.status, done.stdout) == (plain.status, plain.stdout), done.stderr
    assert "ERROR SUMMARY: 0 errors" in done.stderr


def test_valgrind_leaves_ours_when_asked():
    """The twin: with --soname-synonyms it keeps its hands off, and the figures are ours."""
    done = run([tool_or_skip("valgrind"), "--soname-synonyms=somalloc=nouserintercepts",
                program("sites")], report=True)
    assert (done.status, done.stdout) == (0, "79\n"), done.stderr
    used = re.search(r"total heap usage: ([\d,]+) allocs", done.stderr)
    assert used, done.stderr
    for path in done.report_paths:
        Report.read(path)
