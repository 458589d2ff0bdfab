"""Writes to freed memory (HEAPTAG_KMEM_DEBUG): one bit of a freed block changes, and it is found when
the block is about to be reused, when it leaves the quarantine, or at exit.

The oracle for programs/planted is Valgrind, see test_safety.py.
"""
import re
import subprocess

import pytest

import runner
from debugger import corrupt_data_in_gdb
from planted import (ALLOCATORS, CXX_ALLOCATORS, KMEM, SIZES, SOME_SIZES, function_of, plant)
from runner import program, run, tool_or_skip

AT_REUSE = {"reuse", "eviction"}
ANY_TIME = AT_REUSE | {"exit", "verify"}
POSITIONS = ["first", "middle", "last"]
KIND = "use-after-free-write"
AT_ONCE = KMEM | {"HEAPTAG_QUARANTINE": "0"}


def quarantined(size):
    """The block waits behind 48 of its size: it is written to there, and leaves with the next round
    of programs/planted, which frees 64."""
    return KMEM | {"HEAPTAG_QUARANTINE": str(48 * size)}


CHURNED = {"at-once": lambda size: AT_ONCE, "quarantine": quarantined}


def changed_byte(size, position):
    """What the_writer leaves: see pattern() in programs/planted.h."""
    offset = {"first": 0, "middle": size // 2, "last": size - 1}[position]
    return f"{(offset * 7 + 3) & 255 ^ 1:02x}"


def check_stomp(case, size, env, found_when, allocator, position="middle", freed="the_freer"):
    error = plant(case, size, env, allocator).went_on().check(
        KIND, found_when, length=1, found=changed_byte(size, position), allocated="the_allocator",
        freed=freed)
    assert error["thread"] is not None and error["tag"], error
    return error


@pytest.mark.parametrize("quarantine", CHURNED)
@pytest.mark.parametrize("position", POSITIONS)
def test_found_before_reuse(position, quarantine):
    for size in SIZES:
        error = check_stomp(f"uaf_{position}_churn", size, CHURNED[quarantine](size), AT_REUSE,
                            "malloc", position)
        assert function_of(error["detected_at"]) in ("the_allocator", "the_freer"), error


@pytest.mark.parametrize("position", POSITIONS)
def test_found_at_exit(position):
    """Nobody wants the block again."""
    for size in SIZES:
        check_stomp(f"uaf_{position}_quiet", size, KMEM, {"exit"}, "malloc", position)


@pytest.mark.parametrize("allocator", ALLOCATORS)
def test_whoever_has_allocated(allocator):
    for size in SOME_SIZES:
        check_stomp("uaf_last_churn", size, AT_ONCE, AT_REUSE, allocator, "last")
        check_stomp("uaf_first_quiet", size, KMEM, {"exit"}, allocator, "first")


def test_others_allocate_meanwhile():
    """Calls of another owner need not meet the block; it is found all the same."""
    for size in SIZES:
        check_stomp("uaf_elsewhere", size, AT_ONCE, ANY_TIME, "malloc")


@pytest.mark.parametrize("allocator", ["malloc", "new"])
def test_freed_by_another_thread(allocator):
    for size in SIZES:
        check_stomp("uaf_freed_by_thread", size, KMEM, ANY_TIME, allocator, "first")


def test_written_through_the_old_pointer_after_realloc():
    for size in SIZES:
        check_stomp("stale_realloc", size, KMEM, ANY_TIME, "malloc", freed="the_reallocator")


def test_freed_blocks_keep_their_content():
    """A checksum, no pattern: what a program reads after the free is what it was."""
    for allocator in ("malloc", "calloc", "new", "new_array"):
        for size in SIZES:
            found = plant("freed_content", size, KMEM, allocator).went_on()
            assert found.errors == [], str(found)


@pytest.mark.parametrize("quarantine", CHURNED)
def test_calloc_clears_what_is_used_again(quarantine):
    for size in SIZES:
        found = plant("calloc_recycled", size, CHURNED[quarantine](size)).went_on()
        assert found.errors == [], str(found)


# ---- What happens then ----

STOMP = [program("planted"), "uaf_first_churn", "100", "bad"]
QUIET = [program("planted"), "uaf_first_quiet", "100", "bad"]
TWIN = [program("planted"), "uaf_first_churn", "100", "good"]


@pytest.mark.parametrize("argv", [STOMP, QUIET], ids=["reuse", "exit"])
@pytest.mark.parametrize("env", [{}, {"HEAPTAG_ON_ERROR": "abort"}], ids=["default", "abort"])
def test_panics_after_the_report(argv, env):
    """As the old systems did, if nothing but kmem_debug was asked for."""
    done = run(argv, env={"HEAPTAG_KMEM_DEBUG": "1", "HEAPTAG_QUARANTINE": "0", **env}, report=True)
    assert done.signal == runner.signal.SIGABRT, done.stderr
    assert [error["kind"] for error in done.report["errors"]] == [KIND]
    assert "SUMMARY: heaptag: " + KIND in done.stderr


@pytest.mark.parametrize("error,env,out", [
    ("double_free", {"HEAPTAG_KMEM_DEBUG": "1"}, "handler\n"),
    ("double_free", {"HEAPTAG_GUARD": "all", "HEAPTAG_ON_ERROR": "abort"}, "handler\n"),
    ("write_after_free", {"HEAPTAG_KMEM_DEBUG": "1"}, "went on\nhandler\n"),
    ("write_after_free", {"HEAPTAG_GUARD": "all", "HEAPTAG_ON_ERROR": "abort"}, "handler\n")])
def test_the_program_takes_the_abort(error, env, out):
    """A program's own crash reporter is called, and then the program dies all the same."""
    done = run([program("own_abort"), error], env=env, report=True)
    assert (done.stdout, done.signal) == (out, runner.signal.SIGABRT), str(done)
    assert len(done.report["errors"]) == 1, str(done)


def test_the_first_process_of_a_container_ends():
    """The kernel spares it the signals that it takes by default."""
    contained = [tool_or_skip("unshare"), "--map-root-user", "--pid", "--fork"]
    if subprocess.run([*contained, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no user namespaces")
    done = run([*contained, program("own_abort"), "double_free"],
               env={"HEAPTAG_KMEM_DEBUG": "1"}, timeout=20)
    assert (done.stdout, done.status) == ("handler\n", 128 + runner.signal.SIGABRT), str(done)


@pytest.mark.parametrize("env", [{"HEAPTAG_KMEM_DEBUG": "1"}, {"HEAPTAG_GUARD": "all"}])
def test_its_twin_is_not_aborted(env):
    done = run([program("own_abort"), "none"], env=env | {"HEAPTAG_ON_ERROR": "abort"},
               report=True).ok()
    assert done.stdout == "went on\n" and done.report["errors"] == [], str(done)


def test_the_twin_does_not_panic():
    done = run(TWIN, env={"HEAPTAG_KMEM_DEBUG": "1"}, report=True).ok()
    assert done.report["errors"] == []


@pytest.mark.parametrize("allocator,symbol", [("malloc", "the_freer"), ("new", "the_freer")])
def test_text_of_the_report(tmp_path, allocator, symbol):
    """First line: what; last line: a summary that names who freed the block."""
    log = tmp_path / "log"
    path = program("planted_cxx" if allocator in CXX_ALLOCATORS else "planted")
    env = AT_ONCE | {"HEAPTAG_LOG": str(log)}
    done = run([path, f"uaf_first_churn,{allocator}", "100", "bad"], env=env, report=True).ok()
    block = re.search(r"^block (\S+)", done.stdout, re.M)[1]
    lines = log.read_text().splitlines()
    pid = re.match(r"==(\d+)== ", lines[0])[1]
    assert all(line.startswith(f"=={pid}==") for line in lines), lines
    assert re.fullmatch(rf"=={pid}== heaptag: ERROR: {KIND}.*{block}.*", lines[0]), lines
    assert re.fullmatch(rf"=={pid}== SUMMARY: heaptag: {KIND} \S+ in {symbol}.*", lines[-1]), lines
    assert any("the_allocator" in line for line in lines), lines
    assert len(lines) > 5, lines


def test_no_report_was_asked_for():
    """The text goes to standard error all the same, and nothing else does."""
    done = run(STOMP, env=AT_ONCE)
    assert done.status == 0
    assert all(re.match(r"==\d+==", line) for line in done.stderr.splitlines())
    assert done.stderr.count("ERROR: " + KIND) == 1 == done.stderr.count("SUMMARY")


@pytest.mark.parametrize("argv,status", [(STOMP, 42), (QUIET, 42), (TWIN, 0)],
                         ids=["reuse", "exit", "twin"])
def test_exit_status(argv, status):
    env = AT_ONCE | {"HEAPTAG_EXITCODE": "42"}
    assert run(argv, env=env).status == status
    assert run(argv, env=env, report=True).status == status


def test_one_place_many_errors():
    """What is the same is told once, and counted."""
    found = plant("ten_double_frees", 100, KMEM).went_on()
    assert sum(error["count"] for error in found.errors) == 10, str(found)
    assert len(found.errors) == 1, str(found)
    assert found.errors[0]["kind"] == "double-free"
    assert found.done.stderr.count("heaptag: ERROR: ") == 1, found.done.stderr


def test_goes_on_to_the_next_error():
    found = plant("uaf_first_churn", 100, AT_ONCE, None,
                  "double_free", 24, "bad", "stack_free", 24, "bad", "interior_free", 1000, "bad",
                  "usable", 100, "good").went_on()
    assert [error["kind"] for error in found.errors] == [
        KIND, "double-free", "invalid-free", "interior-free"], str(found)
    assert [int(error["address"], 16) for error in found.errors] == [
        block + offset for block, _, offset in found.blocks]


@pytest.mark.parametrize("lines,left", [
    ("double-free:the_second_freer", 0),
    ("# known\n\ndouble-free:the_sec*\n", 0),
    ("double-free:the_second_freer\nuse-after-free-write:*", 0),
    ("double-free:the_third_freer", 1),
    ("invalid-free:the_second_freer", 1)])
def test_suppressions(tmp_path, lines, left):
    path = tmp_path / "suppressions"
    path.write_text(lines)
    found = plant("double_free", 100, KMEM | {"HEAPTAG_SUPPRESSIONS": str(path),
                                             "HEAPTAG_EXITCODE": "42"})
    assert len(found.errors) == left, str(found)
    assert found.done.status == (42 if left else 0), str(found)
    assert found.done.stderr.count("ERROR") == left, str(found)


def test_suppressed_by_who_freed(tmp_path):
    path = tmp_path / "suppressions"
    path.write_text(KIND + ":the_freer\n")
    found = plant("uaf_first_quiet", 100, KMEM | {"HEAPTAG_SUPPRESSIONS": str(path)})
    assert found.errors == [] and found.done.stderr == "", str(found)


# ---- kmem_corrupt_data ----

def test_corrupt_data_is_exported():
    readelf = tool_or_skip("readelf")
    symbols = subprocess.run([readelf, "--dyn-syms", "-W", str(runner.LIBRARY)], check=True,
                             capture_output=True, text=True).stdout
    assert re.search(r" OBJECT +GLOBAL +\w+ +\d+ kmem_corrupt_data(@|\s|$)", symbols, re.M), symbols


def test_corrupt_data_in_a_debugger():
    """{address, size, pc}, three words, where the panic has stopped the program."""
    said, address, size = corrupt_data_in_gdb(
        STOMP, {"LD_PRELOAD": runner.LIBRARY, "HEAPTAG_KMEM_DEBUG": 1, "HEAPTAG_QUARANTINE": 0})
    block = re.search(r"^block (\S+) size 100", said, re.M)[1]
    assert (address, size) == (int(block, 16), 100), said
    assert re.search(r"^the_freer \+ \d+ in section \.text", said, re.M), said
