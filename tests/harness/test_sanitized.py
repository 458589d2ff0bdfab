"""Programs that were built with sanitizers: heaptag stands aside, and they find what they are to find."""
import subprocess

import pytest

from runner import ROOT, program, run
from test_stands_aside import stands_aside

SOURCE = ROOT / "tests/programs/sanitized.c"
# Those with a malloc of their own: in a library that comes first of all, or in the program.
KINDS = {"address": ["-fsanitize=address"],
         "static-address": ["-fsanitize=address", "-static-libasan"],
         "thread": ["-fsanitize=thread"],
         "static-thread": ["-fsanitize=thread", "-static-libtsan"],
         "leak": ["-fsanitize=leak"]}


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """build(flags…): the program, built with them."""
    folder = tmp_path_factory.mktemp("sanitized")
    made = {}

    def make(*flags):
        if flags not in made:
            made[flags] = str(folder / f"sanitized{len(made)}")
            subprocess.run(["gcc", "-O1", "-g", "-fno-builtin", *flags, str(SOURCE), "-o", made[flags],
                            "-pthread"], check=True)
        return made[flags]
    return make


@pytest.mark.parametrize("kind", KINDS)
def test_runs_as_without(build, run_both, kind):
    """No word of a runtime that does not come first, no line of ours unless a report was asked for."""
    path = build(*KINDS[kind])
    done = run_both([path])
    assert done.status == 0 and "child 3" in done.stdout
    said = run([path], report=True)
    assert (said.status, said.stdout) == (0, done.stdout), said.stderr
    assert "stands aside, nothing is counted" in said.stderr and said.report_paths == []


@pytest.mark.parametrize("kind", ["address", "static-address"])
def test_finds_what_it_is_to_find(build, kind):
    path = build(*KINDS[kind])
    for preload in (False, True):
        done = run([path, "wrong"], preload=preload)
        assert done.status == 1 and "heap-buffer-overflow" in done.stderr, done.stderr


def test_static_address_sanitizer_exports_malloc(build):
    path = build(*KINDS["static-address"])
    stands_aside([path], path.rsplit("/", 1)[1], ("malloc", "free", "calloc", "realloc"))


def test_undefined_behaviour_sanitizer_brings_no_malloc(build, run_both):
    """The twin: it is a program like any other."""
    path = build("-fsanitize=undefined")
    assert run_both([path]).status == 0
    report = run([path], report=True).ok().report
    assert report.totals["allocations"] > 1000


def test_the_program_without_sanitizers(run_both):
    assert run_both([program("sanitized")]).status == 0
    assert run([program("sanitized")], report=True).ok().report.totals["allocations"] > 1000
