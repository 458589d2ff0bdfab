"""What checks must not do: complain of the innocent, or break under a hostile program.

Every case of programs/planted has a twin that does nearly the same; Valgrind is the oracle that the
one is wrong and the other is not. What the checks find is in test_kmem_debug.py, test_bad_frees.py,
test_redzones.py and test_guards.py.
"""
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

import runner
from planted import (C_ALLOCATORS, C_CASES, CXX_ALLOCATORS, CXX_CASES, HARMLESS, KMEM, MODES,
                     REDZONES, good_words)
from runner import program, run, tool_or_skip
from scenarios import all_scenarios
from test_real_programs import (check_same, prepared, reports,  # noqa: F401  fixtures
                                reports_in, same_folder)

TWIN_SIZES = [1, 16, 17, 100, 4096, 5000, 131072]
# A guarded block takes three system calls and two pages: fewer of them.
GUARDED = {"guards", "full"}
DEFAULT = {"default": {}}


def innocent(done):
    """Ended as it should, and nothing was said or found."""
    done.ok()
    assert done.report["errors"] == []
    return done


# ---- Innocent twins ----

@pytest.mark.parametrize("mode", DEFAULT | MODES)
@pytest.mark.parametrize("allocator", C_ALLOCATORS + CXX_ALLOCATORS)
def test_innocent_twins(mode, allocator):
    """All of them in one process; the status and the output are those without the library."""
    is_cxx = allocator in CXX_ALLOCATORS
    cases = CXX_CASES if is_cxx else C_CASES
    few = mode in GUARDED and allocator not in ("malloc", "new")
    for size in [1000, 5000] if few else TWIN_SIZES:
        argv = [program("planted_cxx" if is_cxx else "planted"),
                *good_words(cases, [size], allocator)]
        plain = run(argv, preload=False).ok()
        done = innocent(run(argv, env=(DEFAULT | MODES)[mode], report=True))
        assert done.stdout == plain.stdout


@pytest.mark.slow
def test_valgrind_agrees():
    """The oracle: one error in each bad program, of the kind that is planted, and none in the twins."""
    valgrind = tool_or_skip("valgrind")
    programs = {"planted": C_CASES, "planted_cxx": CXX_CASES}

    def contexts(name, words):
        # Chasing, it would blame the caller for what a leaf reads first.
        done = run([valgrind, "--leak-check=no", "--vex-guest-chase=no", program(name), *words],
                   preload=False)
        assert done.status == 0, (name, words, done.stderr)
        return done, int(re.search(r"ERROR SUMMARY: \d+ errors from (\d+) contexts", done.stderr)[1])

    for name, cases in programs.items():
        twins = [case for case in cases if case not in HARMLESS]
        done, count = contexts(name, [word for case in twins for word in (case, "100", "good")])
        assert count == 0, (name, done.stderr)
        assert done.stdout.count(" done\n") == len(twins), (name, done.stdout)
    jobs = [(name, case) for name, cases in programs.items() for case in cases
            if case not in HARMLESS]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda job: contexts(job[0], [job[1], "100", "bad"]), jobs)
        for (name, case), (done, count) in zip(jobs, found):
            # It knows no sizes of operator delete.
            expected = int(case != "sized_delete")
            assert count == expected, (name, case, done.stderr)
            if expected:
                assert oracle_says(case) in done.stderr, (name, case, done.stderr)
                who = re.search(r"^==\d+==    (?:at|by) 0x\w+: (the_\w+)", done.stderr, re.M)[1]
                assert who == guilty(case), (name, case, done.stderr)


def oracle_says(case):
    if case.startswith(("uaf_read", "read_", "freed_content")):
        return "Invalid read of size 1"
    if case.startswith(("uaf_", "overflow", "underflow", "stale")):
        return "Invalid write of size 1"
    if case.startswith(("malloc_", "new_", "memalign_", "aligned_")):
        return "Mismatched free()"
    return "Invalid free()"


def guilty(case):
    """The first function of the program's own in the stack of the error."""
    says = oracle_says(case)
    if says.startswith("Invalid read"):
        return "the_reader"
    if says.startswith("Invalid write"):
        return "the_writer"
    if says.startswith("Mismatched"):
        return "the_mismatched_freer"
    return "the_reallocator" if case.startswith("realloc_") else "the_second_freer"


# ---- Random calls ----

MILLION = 1_000_000


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("mode", DEFAULT | MODES)
def test_random_calls(mode, threads):
    """A million calls, and all blocks were filled to their last byte: nothing is found."""
    operations = MILLION // 10 if mode in GUARDED else MILLION
    done = innocent(run([program("random_checked"), threads, operations, threads],
                        env=(DEFAULT | MODES)[mode], report=True))
    assert done.stdout == f"{operations} operations\n"
    assert done.report.totals["allocations"] > operations / 2


GUARDED_MODES = [MODES[mode] for mode in sorted(GUARDED)]


@pytest.mark.slow
@pytest.mark.parametrize("env", [
    *GUARDED_MODES,
    KMEM | REDZONES | {"HEAPTAG_QUARANTINE": "64M"},
    KMEM | REDZONES | {"HEAPTAG_QUARANTINE": "1K", "HEAPTAG_STACK": "64"},
    KMEM | {"HEAPTAG_REDZONE": "256"}, {"HEAPTAG_GUARD": "1/10"},
    MODES["basic"] | {"HEAPTAG_STACK": "1"}, MODES["basic"] | {"HEAPTAG_ON_ERROR": "abort"}],
    ids=lambda env: ",".join(f"{key[8:].lower()}={value}" for key, value in env.items()))
def test_more_random_calls(env):
    for threads in (3, 16):
        # A guarded block costs four system calls, which threads wait for each other in.
        count = MILLION // 20 if "HEAPTAG_GUARD" in env or env in GUARDED_MODES else MILLION // 2
        innocent(run([program("random_checked"), threads + 100, count, threads], env=env,
                     report=True, timeout=300))


@pytest.mark.parametrize("argv", [["mix", "5", "20000"], ["cxx_mix"], ["operators"],
                                  ["realloc_edges"], ["replace_all"], ["replace_some"],
                                  ["introspect"], ["conformance"], ["altstack", "2048"], ["handlers"],
                                  ["threads", "cross", "4", "3000"],
                                  ["threads", "dead", "4", "3000"],
                                  ["threads", "realloc", "4", "3000"],
                                  ["threads", "fork", "1", "3000"], ["containers"],
                                  ["model_run", "4", "3000"]],
                         ids=lambda argv: "-".join(argv[:2]))
@pytest.mark.parametrize("mode", ["kmem-redzones", "basic", "full"])
def test_programs_of_other_tests(mode, argv):
    """They make no error of these kinds. What they print, they print with checks, too; guarded blocks
    are aligned as their size says, unless that is asked for, and faults have a handler then."""
    command = [program(argv[0]), *argv[1:]]
    plain = run(command, env={"HEAPTAG_FORMAT": "json"})
    aligned = {"basic": {"HEAPTAG_GUARD": "1/1000,aligned"}, "full": {"HEAPTAG_GUARD": "all,aligned"}}
    done = run(command, env=MODES[mode] | aligned.get(mode, {}) | {"HEAPTAG_CHILDREN": "off"},
               report=True)
    said = re.sub(r"heaptag: HEAPTAG_GUARD: .* were not guarded: .*\n", "", done.stderr)
    assert (done.status, done.signal, said) == (plain.status, None, plain.stderr)
    if argv[0] not in ("introspect", "model_run", "handlers"):
        assert done.stdout == plain.stdout
    assert done.report["errors"] == []


# ---- A hostile neighbour ----

ALL = 256  # all values in turns
PAGE = 4096


def hostile(size, reach, value, env):
    """Its report is read as it is: bytes that it was to be made of are overwritten."""
    done = run([program("hostile"), size, reach, value], env=env, report=True)
    assert done.stdout.startswith("wrote\n") or done.signal, (done.stdout, done.stderr)
    assert len(done.report_paths) == 1, (done.signal, done.stderr)
    return done, json.loads(done.report_paths[0].read_text())


@pytest.mark.parametrize("size", [8, 24, 100, 1000, 5000, 40000])
@pytest.mark.parametrize("mode", ["kmem", "kmem-reuse", "redzones", "kmem-redzones"])
def test_hostile_neighbour(mode, size):
    """All that is around its blocks is overwritten. It is told, and the program ends as it would."""
    for reach, value in ((0, 0), (0, 0xff), (4, 0x41), (16, ALL)):
        done, report = hostile(size, reach, value, MODES[mode])
        assert (done.status, done.signal) == (0, None), (done.argv, done.stderr[-3000:])
        assert done.stdout == "wrote\ndone\n", done.argv
        kinds = {error["kind"] for error in report["errors"]}
        # Alone on its pages, a large block has nobody to hurt but its redzones.
        assert kinds or (size > PAGE and reach == 0 and "redzones" not in mode), done.argv
        assert kinds <= {"overflow", "underflow", "use-after-free-write"}, (done.argv, kinds)


@pytest.mark.parametrize("size", [24, 1000, 40000])
def test_hostile_neighbour_ends_by_abort(size):
    done, report = hostile(size, 4, ALL, {"HEAPTAG_KMEM_DEBUG": "1"})
    assert done.signal == runner.signal.SIGABRT, done.stderr[-3000:]
    assert len(report["errors"]) == 1 and "SUMMARY: heaptag: " in done.stderr


@pytest.mark.parametrize("size", [24, 1000, 40000])
@pytest.mark.parametrize("mode", ["guards", "basic", "full"])
def test_hostile_neighbour_of_guards(mode, size):
    """A guard may be hit, which is what it is for: then with a report of that."""
    done, report = hostile(size, 4, ALL, MODES[mode])
    assert done.signal in (None, runner.signal.SIGSEGV), done.stderr[-3000:]
    if done.signal:
        assert any(error["found_when"] == "fault" for error in report["errors"]), done.stderr
    else:
        assert done.status == 0 and done.stdout.endswith("done\n")


# ---- Real programs ----

# Asks for a server that is just ending, which takes longer when it verifies its blocks.
RACES_ITS_SERVER = {"tmux"}


def parameters():
    """Slow ones only with TEST_LONG=1 (tests/run --long): test_real_programs.py has them all."""
    return [pytest.param(one, id=one.name, marks=[pytest.mark.slow] if one.slow or one.long else [])
            for one in all_scenarios()
            if one.name not in RACES_ITS_SERVER and (not one.slow or os.environ.get("TEST_LONG"))]


@pytest.mark.parametrize("scenario", parameters())
def test_real_program_with_checks(scenario, same_folder, prepared, reports):  # noqa: F811
    """The scenarios of test_real_programs.py do what they do, and no process has an error."""
    start = prepared(scenario)
    plain = scenario.run(same_folder(), start, preload=False)
    env = {"HEAPTAG_CHECK": "basic", "HEAPTAG_REPORT": f"{reports}/%p.%n", "HEAPTAG_FORMAT": "json",
           "HEAPTAG_CHILDREN": scenario.children}
    check_same(plain, scenario.run(same_folder(), start, env=env))
    seen = reports_in(reports)
    assert set(scenario.programs) <= {report["process"]["program"] for report in seen}
    wrong = [(report["process"]["program"], error) for report in seen for error in report["errors"]]
    assert wrong == []
