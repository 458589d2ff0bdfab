"""Programs and preloads that bring a malloc of their own, wholly or in part.

Where another malloc stands before ours, heaptag stands aside entirely: each call goes where it would
have gone without it, and when a report was asked for, one line says so instead.
"""
import pathlib
import re
import subprocess

import pytest

from runner import COMMAND, LIBRARY, PROGRAMS, base_environment, program, run

ASIDE = re.compile(r"heaptag: (\S+) has an allocator of its own \((\w+) of (\S+)\): "
                   r"heaptag stands aside, nothing is counted\n")
FAMILY = ("malloc", "free", "calloc", "realloc")
PEERS = ["libjemalloc.so.2", "libmimalloc.so.2.0", "libtcmalloc_minimal.so.4"]


def stands_aside(argv, file, functions=FAMILY, **options):
    """GIVEN another malloc in `file` WHEN a report is asked for THEN there is a line, and none."""
    done = run(argv, report=True, **options)
    said = ASIDE.fullmatch(done.stderr)
    assert said, (done.status, done.signal, done.stderr, done.report_paths)
    name, function, where = said.groups()
    assert name == pathlib.Path(argv[0]).name and pathlib.Path(where).name == file
    assert function in functions
    assert done.report_paths == []
    return done


OWN = {"own_all": FAMILY, "own_weak": FAMILY, "own_four": FAMILY, "own_two": ("malloc", "free"),
       "own_free": ("free",), "own_calloc": ("calloc",), "own_realloc": ("realloc",)}


@pytest.mark.parametrize("name", OWN)
def test_program_with_a_malloc_of_its_own(run_both, name):
    """Wholly or in part: outputs are the same to the number of calls, and to glibc's sizes."""
    done = run_both([program(name)])
    assert done.status == 0 and "child 5\n" in done.stdout
    counted = dict(re.findall(r"^own (\w+) (\d+)$", done.stdout, re.M))
    assert all(int(counted[function]) > 0 for function in OWN[name]), done.stdout
    aside = stands_aside([program(name)], name, OWN[name])
    assert aside.stdout == done.stdout and aside.status == 0


def test_the_line_goes_to_the_log(tmp_path):
    done = run([program("own_four")], env={"HEAPTAG_LOG": str(tmp_path / "log"),
                                           "HEAPTAG_REPORT": str(tmp_path / "r")}).ok()
    assert ASIDE.fullmatch((tmp_path / "log").read_text())
    assert done.stdout and not (tmp_path / "r").exists()


def test_the_command_says_it_too(tmp_path):
    done = subprocess.run([COMMAND, "run", "--", program("own_two")], cwd=tmp_path,
                          env=base_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "child 5\n" in done.stdout
    assert "own_two has an allocator of its own (" in done.stderr
    assert list(tmp_path.iterdir()) == []


# ---- another preload ----------------------------------------------------------------------------

def test_preload_before_ours():
    other = PROGRAMS / "lib_own_malloc.so"
    done = stands_aside([program("sites")], other.name, library=f"{other}:{LIBRARY}")
    assert done.status == 0
    assert sorted(done.stdout.splitlines()) == ["79", "own malloc in use"]


def test_preload_behind_ours():
    """The twin: heaptag is first, and counts."""
    other = PROGRAMS / "lib_own_malloc.so"
    done = run([program("sites")], library=f"{LIBRARY}:{other}", report=True).ok()
    assert sorted(done.stdout.splitlines()) == ["79", "own malloc not in use"]
    assert done.report.by_function("give_10001")["allocations"] == 30


@pytest.mark.parametrize("name", PEERS)
def test_peers_before_and_behind(name):
    """What the benchmarks compare with, where Debian puts it."""
    (peer,) = pathlib.Path("/usr/lib/x86_64-linux-gnu").glob(name)
    alone = run([program("cxx_mix")], library=peer).ok()
    done = stands_aside([program("cxx_mix")], name, library=f"{peer}:{LIBRARY}")
    assert (done.status, done.stdout) == (0, alone.stdout)
    behind = run([program("cxx_mix")], library=f"{LIBRARY}:{peer}", report=True).ok()
    assert behind.stdout == alone.stdout and behind.report.totals["allocations"] > 1000


def test_preload_that_counts_and_hands_on():
    """What it counts and what it gets is as without heaptag; behind ours it counts nothing."""
    other = PROGRAMS / "lib_counting_malloc.so"
    command = [program("mix"), "2", "2000"]
    alone = run(command, library=other).ok()
    done = stands_aside(command, other.name, library=f"{other}:{LIBRARY}")
    assert done.stdout == alone.stdout and done.status == 0
    behind = run(command, library=f"{LIBRARY}:{other}", report=True).ok()
    assert "counted 0 0 0 0\n" in behind.stdout and behind.report.totals["allocations"] > 1000


@pytest.mark.parametrize("lines", [1, 0])
def test_looked_at_from_outside(tmp_path, lines):
    """It runs, and there is nothing to read: said as it is, at once and later."""
    path = tmp_path / "sleeper"
    source = tmp_path / "sleeper.c"
    own = "void* malloc(unsigned long n) { (void)n; return 0; }\n" if lines else ""
    source.write_text(own + "#include <unistd.h>\n"
                      "int main(void) { (void)!write(1, \"x\", 1); return pause(); }\n")
    subprocess.run(["gcc", "-fno-builtin", "-rdynamic", source, "-o", path], check=True)
    child = subprocess.Popen([path], env={**base_environment(), "LD_PRELOAD": str(LIBRARY)},
                             stdout=subprocess.PIPE)
    try:
        assert child.stdout.read(1) == b"x"
        said = (f"heaptag: process {child.pid} (sleeper) has a malloc of its own, for which heaptag "
                f"stands aside: nothing is counted; heaptag doctor {child.pid} says more\n")
        for command in ("report", "snapshot"):
            done = run([COMMAND, command, str(child.pid)], preload=False, cwd=tmp_path)
            assert (done.status, done.stderr) == ((2, said) if lines else (0, ""))
        listed = run([COMMAND, "ls"], preload=False).ok()
        (row,) = [row.split() for row in listed.stdout.splitlines() if row.split()[0] == str(child.pid)]
        assert row[-1] == ("aside" if lines else "-") and str(child.pid) not in listed.stderr
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
