"""OSMalloc (seeds: OSMalloc.h of Mac OS X), as a library and under the preload. Names of tests carry
the cases O1 to O21; the panics are those of programs/osmalloc/panics.c."""
import re
import signal

import pytest

from live import report_of, running
from old_systems import (HOWS, check_panic, holds, list_cases, other_lines, panics_of, passes,
                         run_case, site_figures, tags_of)
from runner import program, run


# ---- The document ----

@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("case", ["O1", "O2", "O3", "O4", "O5", "O6", "O18", "O21", "errno",
                                  "no_stats"])
def test_document(case, how):
    passes("osmalloc/document", case, how=how)


@pytest.mark.parametrize("dialect", ["strict", "xnu", "xnu7195"])
@pytest.mark.parametrize("case", ["O7", "O8"])
def test_o7_o8_noblock_by_dialect(case, dialect):
    passes("osmalloc/document", case, "strict" if dialect == "strict" else "xnu",
           env={"HEAPTAG_OSM_DIALECT": dialect})


@pytest.mark.parametrize("case", ["O7", "O8"])
def test_o7_o8_default_is_the_document(case):
    passes("osmalloc/document", case, "strict")


@pytest.mark.parametrize("check", ["basic", "full"])
@pytest.mark.parametrize("case", ["O1", "O4", "O5", "O6", "O18"])
def test_document_under_checks(case, check):
    passes("osmalloc/document", case, env={"HEAPTAG_CHECK": check})


# ---- Panics ----

STATE = r"OSMalloc_Tagre[fl]\w*\(\):'{}' has bad state 0x{}"
RELEASED, GONE = STATE.format("the doomed", "DEAB0001"), STATE.format("the gone", "DEAB0001")
TAGFREE = r"OSMalloc_Tagfree\(\):'{}' has bad state 0x{}"
ANY = "[0-9A-F]{8}"
FORGED, FORGED_TAGFREE = STATE.format(".*", ANY), TAGFREE.format(".*", ANY)
ADDRESS = r"0x[0-9a-f]+"
FREED = rf"OSFree\(\): {ADDRESS} was freed already"
FOREIGN = rf"OSFree\(\): {ADDRESS} is no block of OSMalloc"
INTERIOR = rf"OSFree\(\): {ADDRESS} lies {{}} bytes? inside of a block"
SIZE = rf"OSFree\(\): {ADDRESS} has 100 bytes, not {{}}\b"
PANICS = {
    "null_alloc": r"OSMalloc\(\): no tag", "null_noblock": r"OSMalloc_noblock\(\): no tag",
    "null_nowait": r"OSMalloc_no(wait|block)\(\): no tag", "null_free": r"OSFree\(\): no tag",
    "null_tagfree": r"OSMalloc_Tagfree\(\): no tag",
    "null_name": r"OSMalloc_Tagalloc\(\): no name",
    "released_alloc": RELEASED, "released_noblock": RELEASED, "released_nowait": RELEASED,
    "released_free": RELEASED, "released_tagfree": TAGFREE.format("the doomed", "DEAB0001"),
    "gone_alloc": GONE, "gone_noblock": GONE, "gone_free": GONE,
    "gone_tagfree": TAGFREE.format("the gone", "DEAB0001"),
    "garbage_alloc": FORGED, "garbage_noblock": FORGED, "garbage_free": FORGED,
    "garbage_tagfree": FORGED_TAGFREE, "states_alloc": FORGED, "states_tagfree": FORGED_TAGFREE,
    "low_alloc": FORGED, "low_free": FORGED, "far_alloc": FORGED, "no_access_alloc": FORGED,
    "no_access_tagfree": FORGED_TAGFREE, "copy_alloc": FORGED, "inside_alloc": FORGED,
    "block_as_tag": FORGED,
    "size_more": SIZE.format(101), "size_less": SIZE.format(99), "size_zero": SIZE.format(0),
    "size_huge": SIZE.format(4294967295),
    "other_tag": rf"OSFree\(\): {ADDRESS} belongs to 'the first', not to 'the other'",
    "no_block": r"OSFree\(\): no block",
    "interior_16": INTERIOR.format(16), "interior_1": INTERIOR.format(1),
    "before_block": rf"OSFree\(\): {ADDRESS} ",
    "of_malloc": FOREIGN, "of_stack": FOREIGN, "of_mtype": FOREIGN, "unmapped": FOREIGN,
    "freed_already": FREED,
    "one_too_many": r"OSMalloc_Tagrele\(\):'the first' has refcnt 0",
    "size_of_interior": rf"OSMalloc_size\(\): {ADDRESS} ",
    "size_of_stack": rf"OSMalloc_size\(\): {ADDRESS} ",
    "size_of_null": r"OSMalloc_size\(\): ", "size_of_freed": rf"OSMalloc_size\(\): {ADDRESS} ",
}

def test_every_panic_is_tried():
    assert sorted(list_cases("osmalloc/panics")) == sorted(PANICS)


@pytest.mark.parametrize("case", PANICS)
def test_o10_to_o15_panics(case):
    died = check_panic("osmalloc/panics", case, PANICS[case])
    assert other_lines(died.stderr) == [], died.stderr


@pytest.mark.parametrize("case", ["size_more", "other_tag", "freed_already", "interior_16"])
def test_o13_the_block_is_named(case):
    done = run_case("osmalloc/panics", case, "bad", "catch")
    block = int(re.search(r"^block (\S+)", done.stdout, re.M)[1], 16)
    named = int(re.search(r"^caught: .*?(0x[0-9a-f]+)", done.stdout, re.M)[1], 16)
    if case == "freed_already":
        assert named != block
    else:
        assert named == block + (16 if case == "interior_16" else 0)


def test_a_panic_goes_where_the_log_is(tmp_path):
    log = tmp_path / "log"
    done = run_case("osmalloc/panics", "size_more", "bad", "die", env={"HEAPTAG_LOG": str(log)})
    assert done.signal == signal.SIGABRT and done.stderr == "", done.stderr
    assert len(panics_of(log.read_text())) == 1 and other_lines(log.read_text()) == []


def test_a_panic_leaves_a_report():
    done = run_case("osmalloc/panics", "size_more", "bad", "die", report=True,
                    env={"HEAPTAG_PANIC": "exit:9"})
    assert done.status == 9
    assert tags_of(done.report, "osmalloc")["the first"]["live_blocks"] == 1


@pytest.mark.parametrize("value", ["exit:256", "exit:", "exit:-1", "later"])
def test_panic_option_is_checked(value):
    done = run_case("osmalloc/document", "O4", env={"HEAPTAG_PANIC": value})
    assert done.status == 0 and done.stdout == "ok\n"
    assert done.stderr.count("\n") == 1 and "HEAPTAG_PANIC" in done.stderr, done.stderr


# ---- Dialects ----

@pytest.mark.parametrize("dialect", ["xnu", "xnu7195"])
@pytest.mark.parametrize("case", ["O10", "smaller_size", "no_block"])
def test_o10_drains_as_xnu(case, dialect):
    holds("osmalloc/drains", case, dialect, env={"HEAPTAG_OSM_DIALECT": dialect})


def test_o10_strict_does_not():
    holds("osmalloc/drains", "strict")
    for case in ("O10", "smaller_size"):
        assert run_case("osmalloc/drains", case).signal == signal.SIGABRT


# ---- Never blocks ----

@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("case", ["silent", "silent_when_empty"])
def test_o9_noblock_makes_no_system_call(case, how):
    passes("osmalloc/noblock", case, how=how)


@pytest.mark.parametrize("case", ["control", "control_osmalloc"])
def test_o9_a_system_call_would_be_seen(case):
    assert run_case("osmalloc/noblock", case).signal == signal.SIGSYS


def test_o9_noblock_waits_for_no_lock():
    """A handler that interrupts the heap anywhere."""
    passes("osmalloc/noblock", "interrupts")


def test_pool_option():
    done = run_case("osmalloc/noblock", "silent_when_empty", env={"HEAPTAG_OSM_POOL_BYTES": "64K"})
    assert done.status == 1 and "given >= 100" in done.stdout, done.stdout


# ---- Memory ----

def test_wired_and_pageable():
    passes("osmalloc/memory", "wired")
    passes("osmalloc/memory", "wired", "unwired", env={"HEAPTAG_OSM_WIRE": "0"})


def test_wired_memory_becomes_pageable_again():
    passes("osmalloc/memory", "wired_no_longer")


def test_what_cannot_be_wired_is_said_once():
    done = holds("osmalloc/memory", "cannot_wire")
    assert re.fullmatch(r"heaptag: .*(mlock|locked|wired).*\n", done.stderr), done.stderr


@pytest.mark.parametrize("case", ["O16", "O20"])
@pytest.mark.parametrize("how", HOWS)
def test_o16_o20_no_memory(case, how):
    passes("osmalloc/memory", case, how=how)


def test_o20_with_room():
    passes("osmalloc/memory", "largest_with_room")


# ---- Threads ----

@pytest.mark.parametrize("how", HOWS)
def test_o17_load(how):
    passes("osmalloc/threads", "O17", how=how)


@pytest.mark.parametrize("how", HOWS)
def test_o17_load_in_the_report(how):
    done = passes("osmalloc/threads", "O17", "keep", how=how, report=True)
    wanted = sorted(tuple(map(int, line.split()[1:])) for line in done.stdout.splitlines()[:-1])
    tags = [tag for tag in done.report["tags"] if tag["origin"] == "osmalloc"]
    assert [tag["name"] for tag in tags].count("load.c") == 2
    found = sorted((tag["allocations"], tag["frees"], tag["allocated_bytes"], tag["live_blocks"],
                    tag["live_bytes"]) for tag in tags)
    assert found == wanted


def test_o19_racing_tags():
    passes("osmalloc/threads", "O19")


@pytest.mark.parametrize("report", [False, True])
def test_tags_come_and_go(report):
    done = passes("osmalloc/threads", "churn_of_tags", report=report)
    if report:
        tags = [tag for tag in done.report["tags"] if tag["name"] == "churn"]
        assert sum(tag["allocations"] for tag in tags) == 100000
        assert sum(tag["live_blocks"] for tag in tags) == 0


# ---- Reports ----

LEAVES = {"take_10001": (6, 60006, 3, 30003), "take_502": (1, 502, 1, 502),
          "fill": (2, 502, 2, 502)}


@pytest.mark.parametrize("how", HOWS)
def test_tags_in_the_report(how):
    report = passes("osmalloc/sites", "end", how=how, report=True).report
    leaves = tags_of(report, "osmalloc")["leaves"]
    assert site_figures(leaves) == LEAVES
    assert (leaves["allocations"], leaves["frees"], leaves["live_blocks"],
            leaves["live_bytes"]) == (9, 3, 6, 31007)
    pages = [tag for tag in report["tags"] if tag["name"] == "pages"]
    assert [tag["origin"] for tag in pages] == ["osmalloc", "osmalloc"]
    assert sorted((tag["allocations"], tag["live_bytes"], tag["failed"]) for tag in pages) == [
        (1, 8192, 1), (2, 8192, 0)]


def test_rules_do_not_rename_them():
    report = passes("osmalloc/sites", "end", report=True,
                    env={"HEAPTAG_TAGS": "mine=func:take_*;rest=*"}).report
    assert site_figures(tags_of(report, "osmalloc")["leaves"]) == LEAVES


def test_text_report_has_them():
    done = run([program("osmalloc/sites"), "end"], report=True, preload=False,
               env={"HEAPTAG_FORMAT": "text"})
    assert "[leaves]" in done.report_paths[0].read_text()


def test_tagfree_lists_what_is_left():
    done = holds("osmalloc/sites", "leave", report=True)
    first, *sites = done.stderr.splitlines()
    assert first == (
        "heaptag: OSMalloc tag 'leaves' was freed with 6 blocks (31,007 bytes) in use:"), done.stderr
    rows = {re.search(r"take_\w+|fill", line)[0]: tuple(
        int(number.replace(",", "")) for number in
        re.match(r"heaptag:   (\d+) blocks?, ([\d,]+) bytes: ", line).groups()) for line in sites}
    assert rows == {"take_10001": (3, 30003), "take_502": (1, 502), "fill": (2, 502)}
    assert site_figures(tags_of(done.report, "osmalloc")["leaves"]) == LEAVES


def test_tagfree_lists_nothing_of_a_clean_tag():
    leaves = tags_of(passes("osmalloc/sites", "clean", report=True).report, "osmalloc")["leaves"]
    assert (leaves["allocations"], leaves["frees"], leaves["live_blocks"]) == (9, 9, 0)


def test_tags_of_a_running_process():
    with running("osmalloc/sites", "hold", preload=False) as child:
        report = report_of(child.pid)
    assert site_figures(tags_of(report, "osmalloc")["leaves"]) == LEAVES
