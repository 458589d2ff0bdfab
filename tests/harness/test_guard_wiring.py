"""Which blocks HEAPTAG_GUARD guards, and what becomes of faults at them: programs/guarded.

That each kind of access is found, and what is said of it, is in test_guards.py.
"""
import re

import pytest

import runner
from runner import plain_name, program, run

ALL = {"HEAPTAG_GUARD": "all", "HEAPTAG_ON_ERROR": "report"}
EVERY = {"all": ALL, "full": {"HEAPTAG_CHECK": "full"}, "basic": {"HEAPTAG_CHECK": "basic"},
         "1/20": {"HEAPTAG_GUARD": "1/20"}, "1/5000": {"HEAPTAG_GUARD": "1/5000"},
         "aligned": {"HEAPTAG_GUARD": "all,aligned"},
         "tag": {"HEAPTAG_GUARD": "tag:the_allocator"}}
UNGUARDED = re.compile(r"heaptag: HEAPTAG_GUARD: [\d,]+ allocations were not guarded: .*\n")


def guarded(*words, env, **options):
    return run([program("guarded"), *map(str, words)], env=env, report=True, **options)


def went_well(done):
    """To its end, and nothing was said but what went unguarded."""
    assert (done.status, done.signal, UNGUARDED.sub("", done.stderr)) == (0, None, ""), str(
        done.outcome)
    assert done.stdout.endswith("done\n") and done.report["errors"] == [], str(done.outcome)
    return done


def sides(done):
    return tuple(map(int, done.stdout.splitlines()[0].split()))


def function_of(frames):
    for frame in frames:
        if (frame["module"] or "").endswith("/guarded"):
            return plain_name(frame["function"])
    return None


@pytest.mark.parametrize("mode", EVERY)
@pytest.mark.parametrize("what", [("churn", 8000), ("threads", 3000), ("keep", 4000, 40)])
def test_innocent_programs(mode, what):
    """Every byte is right, and figures add up (Report.check_sums)."""
    done = went_well(guarded(*what, env=EVERY[mode]))
    totals = done.report.totals
    assert totals["foreign_frees"] == 0 and totals["live_blocks"] < 20, totals


def test_figures_are_those_without():
    plain = guarded("keep", 3000, 40, env={}).report
    for env in EVERY.values():
        report = guarded("keep", 3000, 40, env=env).report
        for name in ("the_allocator", "main"):
            assert report.by_function(name) == plain.by_function(name), (env, name)


def test_all_are_guarded_most_at_their_end():
    ends, begins = sides(went_well(guarded("many", 640, env=ALL)))
    assert ends + begins == 640 and 100 <= begins <= 220


def test_one_in_so_many():
    ends, begins = sides(went_well(guarded("keep", 10000, 48, env={"HEAPTAG_GUARD": "1/20"})))
    assert 150 <= ends + begins <= 1000 and min(ends, begins) >= 50


def test_one_in_so_many_of_checked_blocks():
    ends, begins = sides(went_well(guarded("many", 64000, env={"HEAPTAG_CHECK": "basic"})))
    assert 30 <= ends + begins <= 130


def test_new_owners_come_first():
    assert sum(sides(guarded("many", 64, env={"HEAPTAG_GUARD": "1/1000000"}))) >= 1


@pytest.mark.parametrize("env", [
    {"HEAPTAG_GUARD": "tag:the_allocator"},
    {"HEAPTAG_GUARD": "tag:mine", "HEAPTAG_TAGS": "mine=func:the_allocator"},
    {"HEAPTAG_GUARD": "tag:the_allocator", "HEAPTAG_KMEM_DEBUG": "1"}])
def test_all_of_a_tag(env):
    of_one, of_other = sides(went_well(guarded("tags", env=env)))
    assert (of_one, of_other) in ((50, 0), (50, 1))


def test_mappings_stay_within_the_limit():
    limit = int(open("/proc/sys/vm/max_map_count", encoding="ascii").read())
    count = limit // 6 + 500
    done = guarded("keep", count, 40, env=ALL)
    went_well(done)
    assert 0 < sum(sides(done)) < count
    assert re.fullmatch(UNGUARDED, done.stderr), done.stderr


def test_nothing_is_said_of_what_a_sample_left_out():
    assert went_well(guarded("churn", 3000, env={"HEAPTAG_GUARD": "1/3"})).stderr == ""


def test_the_handler_of_the_program_comes_next():
    done = guarded("handler", env=ALL)
    assert (done.status, done.signal) == (0, None), str(done.outcome)
    block, signal_line, last = done.stdout.splitlines()
    address = int(block.split()[1], 16) + 50
    assert (signal_line, last) == (f"signal 11 at {address:#x}", "done")
    (error,) = done.report["errors"]
    assert (error["kind"], error["found_when"], error["offset"]) == (
        "use-after-free-read", "fault", 50)
    assert done.report["process"]["reason"] == "exit"
    assert function_of(error["detected_at"]) == "the_reader"
    assert function_of(error["freed_by"]) == "the_freer"


def test_without_a_handler_the_report_is_written():
    done = guarded("realloc", env=ALL)
    assert done.signal == runner.signal.SIGSEGV
    assert done.stdout == "1\n"
    assert done.report["process"]["reason"] == "error"
    (error,) = done.report["errors"]
    assert (error["kind"], error["found_when"]) == ("use-after-free-write", "fault")
    assert function_of(error["freed_by"]) == "reallocs"


def test_abort():
    done = guarded("realloc", env=ALL | {"HEAPTAG_ON_ERROR": "abort"})
    assert done.signal == runner.signal.SIGABRT
    (error,) = done.report["errors"]
    assert (error["kind"], error["found_when"]) == ("use-after-free-write", "fault")


@pytest.mark.parametrize("mode", EVERY)
def test_forks(mode):
    done = guarded("fork", env=EVERY[mode] | {"HEAPTAG_CHILDREN": "off"})
    assert went_well(done).stdout == "0\ndone\n"


@pytest.mark.parametrize("env", [{"HEAPTAG_KMEM_DEBUG": "1"}, {"HEAPTAG_CHECK": "basic"}])
def test_red_handed(env):
    """Found at reuse, by whom is not known; the next stray write names its own instruction."""
    done = guarded("red", 200, env=env | {"HEAPTAG_ON_ERROR": "report", "HEAPTAG_QUARANTINE": "0",
                                          "HEAPTAG_STACK": "16"})
    assert done.signal == runner.signal.SIGSEGV
    first, second = done.report["errors"] if len(done.report["errors"]) == 2 else (
        None, done.report["errors"][-1])
    assert second["kind"] == "use-after-free-write" and second["found_when"] == "fault"
    assert function_of(second["detected_at"]) == "the_writer"
    assert function_of(second["freed_by"]) == "the_freer"
    if first is not None:  # it was no guarded block by chance
        assert first["kind"] == "use-after-free-write" and first["found_when"] in (
            "reuse", "eviction")


def test_not_red_handed_where_the_first_error_ends_the_program():
    done = guarded("red", 200, env={"HEAPTAG_KMEM_DEBUG": "1", "HEAPTAG_QUARANTINE": "0"})
    assert done.signal == runner.signal.SIGABRT
    assert [error["found_when"] for error in done.report["errors"]] in (["reuse"], ["eviction"])


@pytest.mark.parametrize("argv", [
    ["/usr/bin/python3", "-c", "import json; print(json.dumps([1, 2]))"],
    ["/usr/bin/perl", "-e", "print join(',', map { $_ * 2 } 1..50), qq(\\n)"],
    ["/bin/bash", "-c", "a=$(echo hi); echo $a | cat"]])
@pytest.mark.parametrize("mode", ["all", "full", "1/20"])
def test_real_programs(argv, mode):
    plain = run(argv, preload=False)
    done = run(argv, env=EVERY[mode])
    assert (done.status, done.stdout) == (plain.status, plain.stdout)
    assert UNGUARDED.sub("", done.stderr) == plain.stderr
