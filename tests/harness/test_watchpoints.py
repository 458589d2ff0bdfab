"""Where no page is untouchable beside a guarded block, the processor watches (HEAPTAG_GUARD=all):
the program's own loops that read or write before a block are told of, and the program goes on."""
import re

import pytest

import runner
from runner import plain_name, program, run

MODES = {"all": {"HEAPTAG_GUARD": "all", "HEAPTAG_ON_ERROR": "report"},
         "full": {"HEAPTAG_CHECK": "full"}}
PROGRAMS = ("watched", "watched_plain")
TRAPS = ("raise", "int3", "ignored", "handler")


@pytest.fixture(scope="module", autouse=True)
def watchpoints_are_to_be_had(library_is_loaded):
    if run([program("watched"), "probe"], preload=False).status != 0:
        pytest.skip("the kernel gives no watchpoints")


def watched(name, *words, env):
    return run([program(name), *map(str, words)], env=env, report=True)


def function_of(frames):
    for frame in frames:
        if "/watched" in (frame["module"] or ""):
            return plain_name(frame["function"])
    return None


def went_on(done):
    assert (done.status, done.signal) == (3, None), str(done.outcome)
    assert done.stdout.endswith("end\n"), str(done.outcome)


def check(done, kind, size, offset, who):
    """One error, told once, and the program has gone on to its end."""
    went_on(done)
    (error,) = done.report["errors"]
    block = int(re.match(r"block (\S+)\n", done.stdout)[1], 16)
    assert (error["kind"], error["found_when"], error["count"]) == (kind, "fault", 1), error
    assert (error["size"], error["offset"]) == (size, offset), error
    assert int(error["address"], 16) == block + offset, error
    assert function_of(error["allocated_by"]) == "the_allocator", error
    assert function_of(error["detected_at"]) == who, error
    lines = done.stderr.splitlines()
    assert re.match(rf"==\d+== heaptag: ERROR: {kind}\b", lines[0]), done.stderr
    assert re.match(rf"==\d+== SUMMARY: heaptag: {kind} \S+ in {who}", lines[-1]), done.stderr


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_reads_before_the_block(name, mode):
    for size in (8, 64, 1000, 5000):
        for first in (-1, -8):
            check(watched(name, "read", size, first, env=MODES[mode]), "underflow-read", size, -1,
                  "the_reader")


@pytest.mark.parametrize("name", PROGRAMS)
def test_reads_before_a_block_that_begins_within_a_word(name):
    """The nearest whole word is watched, and lies some bytes before the block."""
    for size, nearest in ((100, -5), (4, -5), (6, -3)):
        check(watched(name, "read", size, -8, env=MODES["all"]), "underflow-read", size, nearest,
              "the_reader")


@pytest.mark.parametrize("name", PROGRAMS)
def test_writes_before_the_block(name):
    """The bytes have changed when the processor tells; what is told is not told again at free."""
    for first in (-1, -8):
        check(watched(name, "write", 64, first, env=MODES["all"]), "underflow", 64, first,
              "the_writer")


@pytest.mark.parametrize("name", PROGRAMS)
def test_reads_by_another_thread(name):
    check(watched(name, "thread", 64, -8, env=MODES["all"]), "underflow-read", 64, -1,
          "the_reader")


@pytest.mark.parametrize("name", PROGRAMS)
def test_forked_children_are_not_watched(name):
    """A child has no watchpoints of its own, and does not touch those of its parent."""
    done = watched(name, "child", 64, -8, env=MODES["all"])
    went_on(done)
    assert f"child {7 << 8}\n" in done.stdout and done.stderr == "", str(done.outcome)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_innocent_programs(name, mode):
    for size in (1, 5, 8, 24, 64, 100, 1000, 5000):
        done = watched(name, "good", size, env=MODES[mode])
        went_on(done)
        assert done.stderr == "" and done.report["errors"] == [], str(done.outcome)


def test_errors_may_end_the_program():
    env = MODES["all"] | {"HEAPTAG_ON_ERROR": "abort"}
    done = watched("watched", "read", 64, -8, env=env)
    assert done.signal == runner.signal.SIGABRT, str(done.outcome)
    assert [error["kind"] for error in done.report["errors"]] == ["underflow-read"]


@pytest.mark.parametrize("how", TRAPS)
def test_traps_of_the_program_are_its_own(run_both, how):
    done = run_both([program("watched"), "trap", how], env=MODES["all"])
    ends = {"raise": (None, runner.signal.SIGTRAP), "int3": (None, runner.signal.SIGTRAP)}
    assert (done.status, done.signal) == ends.get(how, (5, None)), str(done.outcome)
