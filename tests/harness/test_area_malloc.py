"""heaptag/area_malloc.h: every sentence of the document, and the cases M1 to M14 of its edges. What
is within a pool (M14 to M16) is in tests/unit/area_pools. After each case the registry is empty."""
import os
import re
import subprocess

import pytest

from areas import AREAS, Registry
from runner import BUILD, LIBRARY, ROOT, base_environment, program, run

HEADER = ROOT / "preload/include/heaptag/area_malloc.h"

pytestmark = pytest.mark.skipif(not AREAS.exists(), reason=f"{AREAS} is not built")


@pytest.fixture
def registry():
    registry = Registry()
    yield registry
    try:
        registry.check_empty()
    finally:
        registry.remove()


def run_pools(registry, name, case=None, check=True, seconds=120, **environment):
    argv = [program(f"pools_{name}")] + ([case] if case else [])
    done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds,
                          env={**base_environment(), **registry.environment, **environment})
    if check:
        assert (done.returncode, done.stderr) == (0, ""), f"{argv}: {done}"
        if done.stdout.startswith("skipped:"):
            pytest.skip(done.stdout.removeprefix("skipped:").strip())
    return done


def cases_of(name):
    source = (ROOT / f"tests/programs/area_pools/{name}.c").read_text()
    cases = re.findall(r"\bCASE\((\w+)\)", source.split("int main(")[1])
    assert cases
    return cases


@pytest.mark.parametrize("case", cases_of("conformance"))
def test_conformance(registry, case):
    run_pools(registry, "conformance", case)


def test_cases_are_those_of_the_program(registry):
    """Else one that was renamed would not be run, and nobody would know."""
    for name in ("conformance", "shared", "threads", "mistakes"):
        assert run_pools(registry, name).stdout.split() == cases_of(name)
        assert run_pools(registry, name, "no_such_case", check=False).returncode == 2


SHARED = [case for case in cases_of("shared") if case != "forks_copy"]


@pytest.mark.parametrize("case", SHARED)
def test_shared(registry, case):
    run_pools(registry, "shared", case)


@pytest.mark.parametrize("fork", ["haiku", "be"])
@pytest.mark.parametrize("case", ["forks_copy", "forks_of_busy_processes"])
def test_forks_that_copy(registry, case, fork):
    run_pools(registry, "shared", case, HEAPTAG_AREAS_FORK=fork)


def test_forks_share_unless_told_otherwise(registry):
    assert run_pools(registry, "shared", "forks_copy", check=False).returncode == 1
    assert run_pools(registry, "shared", "forks_share", check=False,
                     HEAPTAG_AREAS_FORK="be").returncode == 1


@pytest.mark.parametrize("case", cases_of("threads"))
def test_threads(registry, case):
    seconds = os.environ.get("HEAPTAG_TEST_ROUNDS", "1")
    run_pools(registry, "threads", case, POOLS_SECONDS=str(2 * int(seconds)),
              seconds=120 + 4 * int(seconds))


@pytest.mark.parametrize("case", cases_of("threads"))
def test_threads_where_mistakes_end_the_program(registry, case):
    """The innocent are not told of."""
    if "handler" not in case:
        run_pools(registry, "threads", case, POOLS_SECONDS="0.5", HEAPTAG_KMEM_DEBUG="1")


MISTAKES = {
    "double_free": r"free: 0x\w+ was freed before, in pool spoilt",
    "double_free_of_joined": r"free: 0x\w+ was freed before, in pool spoilt",
    "wrong_pool": r"free: 0x\w+ lies in pool spoilt; it was passed to pool area_malloc 2",
    "foreign": r"free: 0x\w+ lies in no pool; it was passed to pool spoilt",
    "inside": r"free: 0x\w+ is not where a block begins, or what lies before it was written over, "
              r"in pool spoilt",
    "realloc_of_freed": r"realloc: 0x\w+ was freed before, in pool spoilt",
    "overrun": r"free: what lies between blocks was written over, around 0x\w+, in pool spoilt; it "
               r"is used no more",
    "overrun_then_malloc": r"malloc: what lies between blocks was written over, in pool spoilt; it "
                           r"is used no more",
    "write_after_free": r"malloc: somebody wrote to a block after it was freed, in pool spoilt",
    "handler": r"(malloc|free): called by a signal handler whose thread was at work in the same "
               r"pool, pool spoilt",
}


def test_all_mistakes_have_a_message():
    assert sorted([*MISTAKES, "none"]) == sorted(cases_of("mistakes"))


@pytest.mark.parametrize("checks", [{"HEAPTAG_KMEM_DEBUG": "1"}, {"HEAPTAG_CHECK": "basic"}],
                         ids=str)
@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_end_the_program(registry, case, checks):
    done = run_pools(registry, "mistakes", case, check=False, **checks)
    assert done.returncode == -6, done
    assert re.fullmatch(f"heaptag: panic: area_malloc {MISTAKES[case]}\n", done.stderr), done.stderr


@pytest.mark.parametrize("case", [*MISTAKES, "none"])
def test_mistakes_change_nothing_where_nobody_looks(registry, case):
    run_pools(registry, "mistakes", case)
    run_pools(registry, "mistakes", case, HEAPTAG_KMEM_DEBUG="0")


def test_no_mistake_no_message(registry):
    run_pools(registry, "mistakes", "none", HEAPTAG_CHECK="full")


def test_figures_for_reports(registry):
    run_pools(registry, "reports")
    run_pools(registry, "reports", HEAPTAG_CHECK="basic")


def test_pools_are_tags_in_reports(registry):
    done = run([program("pools_leaves")], report=True, env=registry.environment).ok()
    tags = {tag["name"]: tag for tag in done.report["tags"]}
    cache, gone = tags["pool cache"], tags["pool gone"]
    assert cache["origin"] == gone["origin"] == "area"
    assert figures(cache) == (10, 4, 1000, 6, 600, 1)
    assert figures(gone) == (10, 10, 600, 0, 0, 0)
    assert cache["usable_bytes"] == 6 * 112
    for tag in (cache, gone):
        assert [s["frames"][0]["function"] for s in tag["sites"]] == ["main"]


def figures(tag):
    return tuple(tag[key] for key in ("allocations", "frees", "allocated_bytes", "live_blocks",
                                      "live_bytes", "failed"))


def test_mistakes_are_written_to_the_log(registry, tmp_path):
    done = run_pools(registry, "mistakes", "double_free", check=False, HEAPTAG_KMEM_DEBUG="1",
                     HEAPTAG_LOG=str(tmp_path / "log"), LD_PRELOAD=str(LIBRARY))
    assert (done.returncode, done.stderr) == (-6, "")
    assert re.search(MISTAKES["double_free"], (tmp_path / "log").read_text())


def test_program_with_functions_of_these_names(registry):
    run_pools(registry, "own_names")


def test_in_cxx(registry):
    run_pools(registry, "scopes")


@pytest.mark.parametrize("preloaded", ["libheaptag.so", "libheaptag-areas.so"])
@pytest.mark.parametrize("case", ["full_pool_and_empty_again", "last_user_deletes_all_pools"])
def test_under_the_preload(registry, case, preloaded):
    run_pools(registry, "conformance", case, LD_PRELOAD=str(BUILD / preloaded))


@pytest.mark.parametrize("compiler,flags", [("cc", "-std=c11"), ("cc", "-std=c99"),
                                            ("c++", "-std=c++17 -x c++")])
def test_header_compiles_alone(tmp_path, compiler, flags):
    source = tmp_path / "alone.c"
    source.write_text("#include <heaptag/area_malloc.h>\n"
                      "#include <heaptag/area_malloc.h>\n"
                      "int main(void) { return sizeof(area_malloc_module_info) != 72; }\n")
    subprocess.run([compiler, *flags.split(), "-Wall", "-Wextra", "-Werror",
                    "-I", HEADER.parents[1], "-fsyntax-only", source], check=True)


def test_header_says_what_every_function_does():
    """A comment before each declaration, and each is exported by its heaptag_ name."""
    text = HEADER.read_text()
    declared = re.findall(r'__asm__\(\s*"heaptag_(\w+)"\)', text)
    assert len(declared) == 11
    for name in declared:
        before = text[:re.search(rf"\b{name}\(", text[text.index("#ifdef __cplusplus"):]).start() +
                      text.index("#ifdef __cplusplus")]
        last = before.rstrip().rsplit("\n\n", 1)[-1]
        assert "/*" in last, f"{name}: nothing is said of it"
    symbols = subprocess.run(["nm", "-D", "--defined-only", AREAS], capture_output=True, text=True,
                             check=True).stdout.split()[2::3]
    assert {f"heaptag_{name}" for name in declared} <= set(symbols)
    assert all(symbol.startswith("heaptag_") for symbol in symbols), symbols
