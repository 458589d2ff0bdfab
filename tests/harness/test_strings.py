"""libheaptag-strings.so: what the C library's own functions read and write beside a block.

A guard lies at one side of a block only, and blocks with redzones have none: programs/planted_strings
makes one call of a function on the other side. programs/strings_same calls all of them with random
arguments: nothing that they return or write may change.
"""
import json
import re
import shutil

import pytest

from planted import KMEM, MODES, REDZONES, Found, function_of
from runner import COMMAND, LIBRARY, ROOT, program, run, tool_or_skip

STRINGS = LIBRARY.with_name("libheaptag-strings.so")
BOTH = f"{LIBRARY}:{STRINGS}"
SIZE, OUTSIDE = 400, 8
CHECKS = {"guards": MODES["full"], "redzones": KMEM | REDZONES | {"ANY_SIDE": "1"}}

pytestmark = pytest.mark.skipif(not STRINGS.exists(), reason=f"{STRINGS} is not built")


def list_functions():
    try:
        done = run([program("planted_strings"), "list"], preload=False)
    except FileNotFoundError:  # not built: conftest says so
        return {}
    return dict(line.split() for line in done.stdout.splitlines())


FUNCTIONS = list_functions()


def entries():
    return re.findall(r"^HEAPTAG_ENTRY\((\w+)", (ROOT / "preload/strings_entries.def").read_text(),
                      re.M)


def cases_of(what):
    """case: kind, bad bytes."""
    if "r" in what:
        yield "under", "underflow-read", 1 if "c" in what else OUTSIDE
    if "r" in what and "b" in what:  # without an end, others run into the guard
        yield "over", "overflow-read", 1 if "c" in what else OUTSIDE
    if "w" in what:
        # What is appended to is looked for first.
        yield "before", "underflow-read" if "a" in what else "underflow", OUTSIDE
        yield "behind", "overflow", OUTSIDE


def plant(function, case, checks):
    return Found(run([program("planted_strings"), function, case, SIZE], env=CHECKS[checks],
                     report=True, library=BOTH))


def test_every_function_is_tried():
    same = run([program("strings_same"), 1, 1], preload=False).ok().stdout.split()[::2]
    assert sorted(FUNCTIONS) == sorted(entries())
    assert {name for name in same if name in FUNCTIONS} == set(FUNCTIONS)


@pytest.mark.parametrize("checks", CHECKS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_beside_a_block(function, checks):
    """Found at the call, which goes on: nothing more is said when the block is freed."""
    for case, kind, length in cases_of(FUNCTIONS[function]):
        found = plant(function, case, checks).went_on()
        error = found.check(kind, {"fault"}, length=length, allocated="the_allocator",
                            detected=f"use_{function}")
        assert error["detected_at"][0]["function"] == f"use_{function}", str(found)


@pytest.mark.parametrize("checks", CHECKS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_innocent(function, checks):
    found = plant(function, "good", checks).went_on()
    assert found.errors == [] and found.done.stderr == "", str(found)


def test_an_end_that_is_missing():
    """Behind a block that ends at its guard libc faults, as it would anyway: one report."""
    found = Found(run([program("planted_strings"), "strcpy", "endless", SIZE], env=MODES["full"],
                      report=True, library=BOTH))
    error = found.only()
    assert (error["kind"], error["found_when"]) == ("overflow-read", "fault"), str(found)
    assert found.done.signal is not None, str(found)
    assert "use_strcpy" in [frame["function"] for frame in error["detected_at"]], str(found)


@pytest.mark.parametrize("case,kind", [("freed_read", "use-after-free-read"),
                                       ("freed_write", "use-after-free-write")])
def test_freed(case, kind):
    """A guarded block that is free faults; of others the call is told, once."""
    for checks, goes_on in (("guards", False), ("redzones", True)):
        found = plant("memcpy", case, checks)
        error = found.check(kind, {"fault"}, allocated="the_allocator", detected="use_memcpy",
                            freed="the_freer")
        assert error["count"] == 1 and (found.done.signal is None) == goes_on, str(found)


@pytest.mark.parametrize("library", [BOTH, STRINGS], ids=["both", "alone"])
@pytest.mark.parametrize("checks", [None, *CHECKS])
def test_functions_are_libcs(library, checks):
    words = [program("strings_same"), 300, 7]
    plain = run(words, preload=False).ok()
    assert run(words, library=library, env=CHECKS.get(checks)).ok().stdout == plain.stdout


@pytest.fixture
def checked(tmp_path):
    """Runs a program as `heaptag run --check=full` does, and without it: the same, no error."""

    def call(*words, **options):
        plain = run(words, preload=False, cwd=tmp_path, **options)
        done = run([COMMAND, "run", "--check=full", "-q", "-o", tmp_path / "r.json", "--", *words],
                   preload=False, cwd=tmp_path, **options)
        assert (done.status, done.stdout) == (plain.status, plain.stdout), done.stderr[-3000:]
        # There are not mappings enough for every block.
        assert re.sub(r"heaptag: HEAPTAG_GUARD: .* not guarded: .*\n", "", done.stderr) == plain.stderr
        report = json.loads((tmp_path / "r.json").read_text())
        assert report["errors"] == []
        return done

    return call


def test_python(checked):
    checked(tool_or_skip("python3"), "-c", "import json, re, collections; "
            "print(json.dumps([re.sub('a', 'b', 'abc' * 9), sorted(str(i) for i in range(99))]))",
            env={"PYTHONMALLOC": "malloc"})


def test_perl(checked):
    checked(tool_or_skip("perl"), "-e",
            "my %h = map { $_ => 'x' x $_ } 1..200; print join(',', sort keys %h), length(\"@h{1..9}\")")


def test_git(checked, tmp_path):
    git = tool_or_skip("git")
    run([git, "init", "-q", "repo"], preload=False, cwd=tmp_path)
    (tmp_path / "repo/a").write_text("text\n" * 100)
    checked(git, "-C", "repo", "add", "a")
    checked(git, "-C", "repo", "status", "--porcelain")
    checked(git, "-C", "repo", "diff", "--cached", "--stat")


@pytest.mark.slow
def test_compiler(checked, tmp_path):
    (tmp_path / "a.cc").write_text("#include <string>\nint main() { return std::string(3, 'x').size(); }\n")
    checked(tool_or_skip("g++"), "-c", "a.cc", "-o", "/dev/null")


def preloaded(cwd, *words, command=COMMAND, **options):
    done = run([command, "run", "-q", *words, "--", "/usr/bin/printenv", "LD_PRELOAD"],
               preload=False, cwd=cwd, **options)
    assert (done.status, done.stderr) == (0, ""), done.stderr
    return [path.rsplit("/", 1)[-1] for path in done.stdout.strip().split(":")]


@pytest.mark.parametrize("words,env", [
    (["--check=full"], {}), (["--guard=all"], {}), (["--guard=all,aligned"], {}),
    ([], {"HEAPTAG_CHECK": "full"}), ([], {"HEAPTAG_GUARD": "all"})])
def test_run_preloads_it_for_full_checking(tmp_path, words, env):
    assert preloaded(tmp_path, *words, env=env) == [LIBRARY.name, STRINGS.name]


@pytest.mark.parametrize("words", [[], ["--check"], ["--guard=1/100"], ["--redzone=16"]])
def test_run_leaves_it_out_else(tmp_path, words):
    assert preloaded(tmp_path, *words) == [LIBRARY.name]


def test_run_keeps_what_was_preloaded(tmp_path):
    other = shutil.copy("/lib/x86_64-linux-gnu/libm.so.6", tmp_path / "libother.so")
    assert preloaded(tmp_path, "--check=full", env={"LD_PRELOAD": str(other)}) == [
        LIBRARY.name, STRINGS.name, "libother.so"]


def test_run_without_it_says_nothing(tmp_path):
    command = shutil.copy(COMMAND, tmp_path / "heaptag")
    shutil.copy(LIBRARY, tmp_path)
    assert preloaded(tmp_path, "--check=full", command=command) == [LIBRARY.name]
