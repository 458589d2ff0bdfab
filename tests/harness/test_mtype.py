"""MALLOC and FREE (seeds: malloc(9r) of OSF/1), as a library and under the preload. Names of tests
carry the cases B1 to B10, D1 to D12 and N1; the panics are those of programs/mtype/panics.c."""
import os
import re
import signal

import pytest

from debugger import corrupt_data_in_gdb
from live import heaptag, report_of, running
from old_systems import (HOWS, check_panic, holds, list_cases, other_lines, panics_of, passes,
                         run_case, site_figures, tags_of)
from runner import program

IS_LONG = os.environ.get("TEST_LONG") == "1"
KMEM = {"HEAPTAG_KMEM_DEBUG": "1", "HEAPTAG_QUARANTINE": "0"}
SMALL_POOL = {"HEAPTAG_OSF_POOL_BYTES": "256K"}
MESSAGE = re.compile(r"heaptag: MALLOC: (.*)\n")


# ---- The document ----

@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("case", ["B1_sizes", "B1_casts", "B1_large", "B2", "B4", "B9_null",
                                  "size_zero", "types", "all_types", "wrong_type", "errno",
                                  "unknown_flags", "no_memory"])
def test_document(case, how):
    passes("mtype/document", case, how=how)


@pytest.mark.parametrize("check", ["basic", "full"])
@pytest.mark.parametrize("case", ["B1_casts", "B2", "B4", "size_zero"])
def test_document_under_checks(case, check):
    passes("mtype/document", case, env={"HEAPTAG_CHECK": check})


def one_message(done):
    found = MESSAGE.fullmatch(done.stderr)
    assert found, f"one line expected: {done.stderr!r}"
    return found[1]


def test_b4_above_16k_without_waitok():
    done = holds("mtype/document", "B4", "bad")
    assert one_message(done) == "16385 bytes of 'own type' with M_NOWAIT: NULL above 16384"


# ---- The pool ----

@pytest.mark.parametrize("how", HOWS)
def test_b3_nowait_makes_no_system_call(how):
    passes("mtype/pool", "B3", 4 << 20, how=how)
    passes("mtype/pool", "B3_each_size", how=how)


def test_b3_size_of_the_pool():
    passes("mtype/pool", "B3", 1 << 20, env={"HEAPTAG_OSF_POOL_BYTES": "1M"})
    assert run_case("mtype/pool", "B3", 4 << 20,
                    env={"HEAPTAG_OSF_POOL_BYTES": "1M"}).status == 1


@pytest.mark.parametrize("case", ["control", "control_waitok"])
def test_b3_a_system_call_would_be_seen(case):
    assert run_case("mtype/pool", case).signal == signal.SIGSYS


def test_nowait_in_handlers_that_interrupt_the_heap():
    passes("mtype/pool", "handlers")


# ---- Interrupt context ----

IN_INTERRUPT = {
    "B5_waitok": "M_WAITOK in interrupt context: NULL for 100 bytes of 'intr'",
    "B5_waitok_zero": "M_WAITOK in interrupt context: NULL for 100 bytes of 'intr'",
    "B5_large_waitok": "M_WAITOK in interrupt context: NULL for 16385 bytes of 'intr'",
    "B5_large_nowait": "16385 bytes of 'intr' in interrupt context: NULL above 16384",
}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("case", IN_INTERRUPT)
def test_b5_in_interrupt_context(case, how):
    assert one_message(holds("mtype/interrupt", case, how=how)) == IN_INTERRUPT[case]


def test_b5_messages_go_where_the_log_is(tmp_path):
    log = tmp_path / "log"
    passes("mtype/interrupt", "B5_waitok", env={"HEAPTAG_LOG": str(log)})
    assert log.read_text() == f"heaptag: MALLOC: {IN_INTERRUPT['B5_waitok']}\n"


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("case", ["B5_allowed", "B5_other_threads"])
def test_b5_what_is_allowed(case, how):
    passes("mtype/interrupt", case, how=how)


@pytest.mark.parametrize("how", HOWS)
def test_b5_signal_handlers(how):
    passes("mtype/interrupt", "B5_signals", how=how)
    passes("mtype/interrupt", "B5_signals", how=how, env={"HEAPTAG_OSF_INTR_SIGNALS": "0"})
    done = holds("mtype/interrupt", "B5_signals", "interrupts", how=how,
                 env={"HEAPTAG_OSF_INTR_SIGNALS": "1"})
    assert one_message(done) == IN_INTERRUPT["B5_waitok"]


# ---- Limits, and NetBSD's types ----

@pytest.mark.parametrize("case", ["B7_nowait", "B7_wakes_up", "B7_all_wake_up",
                                  "B7_new_limit_wakes_up", "N1_setlimit", "N1_attach",
                                  "N1_attach_again_and_again"])
def test_b7_n1_limits(case):
    passes("mtype/limits", case, env={"HEAPTAG_OSF_WAIT_MS": "100000"})


def test_b7_timeout():
    passes("mtype/limits", "B7_timeout", env={"HEAPTAG_OSF_WAIT_MS": "30"})
    passes("mtype/limits", "B7_timeout", env={"HEAPTAG_OSF_WAIT_MS": "0"})


def test_n1_detached_in_use():
    done = holds("mtype/limits", "N1_detach_in_use")
    assert done.stderr == (
        "heaptag: memory type 'later' was detached with 2 blocks (110 bytes) in use\n")


# ---- Panics ----

ADDRESS = r"0x[0-9a-f]+"
BOGUS = r"^malloc - bogus type {}$"
TWICE = rf"^free: multiple frees of {ADDRESS}\b"
UNALIGNED = rf"^free: unaligned addr {ADDRESS}\b"
FOREIGN = rf"^free: {ADDRESS} is no block of MALLOC"
PANICS = {
    "type_minus_1": BOGUS.format(-1), "type_m_free": BOGUS.format(0),
    "type_last": BOGUS.format(512), "type_unregistered": BOGUS.format(511),
    "type_huge": BOGUS.format(2147483647), "type_lowest": BOGUS.format(-2147483648),
    "type_nowait": BOGUS.format(512), "type_unattached": BOGUS.format(0),
    "type_detached": BOGUS.format("'later'"), "type_no_magic": BOGUS.format(-1),
    "free_type_minus_1": "^free: bogus type -1$", "free_type_last": "^free: bogus type 512$",
    "unaligned_1": UNALIGNED, "unaligned_8": UNALIGNED, "interior_16": UNALIGNED,
    "freed_twice": TWICE, "freed_twice_large": TWICE,
    "of_malloc": FOREIGN, "of_stack": FOREIGN, "of_nobody": FOREIGN, "of_osmalloc": FOREIGN,
    "leave_interrupt": "^osf_intr_leave: not in interrupt context$",
    "n1_attach_twice": "^malloc_type_attach: 'attached' is already on the list$",
    "n1_attach_no_magic": "^malloc_type_attach: bad magic$",
    "n1_attach_null": "^malloc_type_attach: bad magic$",
    "n1_detach_unknown": "^malloc_type_detach: 'later' is not on the list$",
    "n1_detach_no_magic": "^malloc_type_detach: bad magic$",
    "n1_detach_twice": "^malloc_type_detach: 'later' is not on the list$",
    "n1_setlimit_no_magic": "^malloc_type_setlimit: bad magic$",
}


def test_every_panic_is_tried():
    assert sorted(list_cases("mtype/panics")) == sorted([*PANICS, "of_other_type"])


@pytest.mark.parametrize("case", PANICS)
def test_b8_b9_n1_panics(case):
    died = check_panic("mtype/panics", case, PANICS[case])
    assert other_lines(died.stderr) == [], died.stderr


@pytest.mark.parametrize("case", ["freed_twice", "unaligned_8", "free_type_last"])
def test_b9_panics_under_kmem_debug(case):
    check_panic("mtype/panics", case, PANICS[case], env=KMEM)


def test_b9_wrong_type():
    """The block's own type is charged; kmem_debug does not let it pass."""
    run_case("mtype/panics", "of_other_type", "good", "die").ok()
    check_panic("mtype/panics", "of_other_type",
                rf"^free: {ADDRESS} is of type 'number', not '\w+'$", env=KMEM)


# ---- kmem_debug ----

def test_d1_off():
    passes("mtype/corrupt", "D1")
    passes("mtype/corrupt", "D1", env={"HEAPTAG_KMEM_DEBUG": "0"})


def test_d2_last_word():
    passes("mtype/corrupt", "D2", env=KMEM)


def kinds(done):
    return {error["kind"] for error in done.report["errors"]}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("case", ["D3", "D4", "D6", "D8", "D12"])
def test_d_found_by_the_next_malloc(case, how):
    done = holds("mtype/corrupt", case, how=how, report=True, env=KMEM | SMALL_POOL)
    assert kinds(done) == {"use-after-free-write"}
    assert {error["tag"] for error in done.report["errors"]} == {"debugged"}
    assert panics_of(done.stderr), done.stderr


@pytest.mark.parametrize("case", ["D4", "D8"])
def test_d_not_found_without(case):
    assert run_case("mtype/corrupt", case, env=SMALL_POOL).status == 1


def test_d5_not_after_reallocation():
    passes("mtype/corrupt", "D5", env=KMEM | SMALL_POOL)


@pytest.mark.parametrize("how", HOWS)
def test_d7_nothing_false(how):
    passes("mtype/corrupt", "D7", 10_000_000 if IS_LONG else 1_000_000, how=how,
           env={"HEAPTAG_KMEM_DEBUG": "1"})


def test_d9_panic_without_a_hook():
    done = run_case("mtype/corrupt", "D9", env=KMEM)
    block = re.search(r"^block (\S+)", done.stdout, re.M)[1]
    assert done.signal == signal.SIGABRT, str(done.outcome)
    found = panics_of(done.stderr)
    assert len(found) == 1, done.stderr
    assert re.fullmatch(rf"malloc: {block}, 100 bytes, was modified after it was freed by .*",
                        found[0]), found
    assert "ERROR: use-after-free-write" in done.stderr, done.stderr
    warned = holds("mtype/corrupt", "D9", env=KMEM | {"HEAPTAG_PANIC": "warn"})
    assert len(panics_of(warned.stderr)) == 1, warned.stderr


def test_d9_in_a_debugger():
    said, address, size = corrupt_data_in_gdb([program("mtype/corrupt"), "D9"], KMEM)
    block = re.search(r"^block (\S+)", said, re.M)[1]
    assert (address, size) == (int(block, 16), 100), said
    assert re.search(r"^the_freer( \+ \d+)? in section \.text", said, re.M), said


def test_d11_verify_on_demand():
    done = holds("mtype/corrupt", "D11", report=True, env=KMEM)
    assert kinds(done) == {"use-after-free-write"}
    assert {error["found_when"] for error in done.report["errors"]} == {"verify"}
    assert panics_of(done.stderr) == []


# ---- Figures ----

@pytest.mark.parametrize("how", HOWS)
def test_b6_figures_are_the_models(how):
    passes("mtype/figures", "B6", how=how)


def test_b6_figures_under_kmem_debug():
    passes("mtype/figures", "B6", env={"HEAPTAG_KMEM_DEBUG": "1"})


@pytest.mark.parametrize("how", HOWS)
def test_types_in_the_report(how):
    report = passes("mtype/figures", "sites", how=how, report=True).report
    tags = tags_of(report, "mtype")
    assert site_figures(tags["alpha"])["take_777"] == (10, 7770, 10, 7770)
    assert site_figures(tags["alpha"])["take_20002"] == (5, 100010, 2, 40004)
    assert site_figures(tags["beta"])["take_20002"] == (5, 100010, 2, 40004)
    assert (tags["beta"]["failed"], tags["alpha"]["failed"]) == (1, 0)
    assert "gamma rays" not in tags or tags["gamma rays"]["allocations"] == 0


def load_figures(done):
    rows = [line.split() for line in done.stdout.splitlines()[:-1]]
    return {(row[0], row[1]): tuple(map(int, row[2:])) for row in rows}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("keep", ["keep", ""])
def test_load_of_types_and_tags(keep, how):
    """16 threads over 4 tags and 4 types."""
    done = passes("mtype/threads", "load", keep, how=how, report=True)
    wanted = load_figures(done)
    assert len(wanted) == 8
    found = {(tag["origin"], tag["name"]): (tag["allocations"], tag["live_blocks"],
                                            tag["live_bytes"])
             for tag in done.report["tags"] if tag["origin"] in ("osmalloc", "mtype")}
    assert {key: found[key] for key in wanted} == wanted


def test_types_are_registered_by_threads_at_once():
    passes("mtype/threads", "registering")


# ---- heaptag vmstat ----

def numbers(text):
    return [int(word.replace(",", "")) for word in text.split()]


def wanted_figures(child_lines):
    types = {match[1]: numbers(match[2]) for line in child_lines
             if (match := re.fullmatch(r"type (.*)=([\d ]+)", line))}
    buckets = {values[0]: values[1:] for line in child_lines if line.startswith("bucket ")
               for values in [numbers(line[len("bucket "):])]}
    return types, buckets


@pytest.fixture(name="vmstat")
def make_vmstat():
    """vmstat(option) -> (what it prints, figures of types and of buckets that the program knows)."""

    def run_vmstat(*options):
        lines = []
        with running("mtype/figures", "hold", preload=False, wait_for=None) as child:
            while (line := child.stdout.readline().strip()) != "ready":
                assert line, f"ended with {child.wait()}"
                lines.append(line)
            done = heaptag("vmstat", child.pid, *options).ok()
        return done.stdout, *wanted_figures(lines)

    return run_vmstat


def test_b10_vmstat_big_m(vmstat):
    """Buckets: number, element size, in use, free, bytes. Two lines of totals. NAME=bytes by three."""
    text, types, buckets = vmstat("-M")
    found = {}
    for line in text.splitlines():
        if match := re.fullmatch(r"\s*(\d+)\s+([\d,]+|-)\s+([\d,]+)\s+([\d,]+)\s+([\d,]+)\s*", line):
            found[int(match[1])] = numbers(" ".join(match.groups()[1:]).replace("-", "0"))
    wanted = {number: row[:4] for number, row in buckets.items()}
    assert {number: found.get(number, row[:1] + [0, 0, 0]) for number, row in wanted.items()
            } == wanted, text
    totals = [line for line in text.splitlines() if re.search("total", line, re.I)]
    assert len(totals) == 2, text
    in_use = sum(values[0] for values in types.values())
    everything = sum(row[3] for row in buckets.values())
    figures = numbers(" ".join(re.findall(r"[\d,]*\d", " ".join(totals))))
    assert in_use in figures and (everything in figures or everything - in_use in figures), totals
    rows = [re.findall(r"(\S[^=]*?)\s*=\s*([\d,]+)", line) for line in text.splitlines()
            if "=" in line]
    assert all(len(row) == 3 for row in rows[:-1]) and 1 <= len(rows[-1]) <= 3, text
    assert {name: numbers(value)[0] for row in rows for name, value in row} == {
        name: values[0] for name, values in types.items() if values[0] != 0}


def test_b10_vmstat_m(vmstat):
    """As 4.4BSD's: a table of buckets, one of types."""
    text, types, buckets = vmstat("-m")
    for word in ("Size", "In Use", "Free", "Requests", "HighWater", "Couldfree", "Type", "InUse",
                 "MemUse", "HighUse", "Limit"):
        assert word in text, f"{word} in\n{text}"
    rows = {}
    for line in text.splitlines():
        if re.fullmatch(r"\s*[\d,]+(\s+[\d,]+){5}\s*", line):
            size, in_use, free, requests, high_water, could_free = numbers(line)
            rows[size] = [in_use, free, requests, high_water, could_free]
    for size, in_use, free, _, requests, high_water, could_free in buckets.values():
        if size != 0 and requests != 0:
            assert rows[size] == [in_use, free, requests, high_water, could_free], text
    for name, (memory, in_use, highest, _, calls) in types.items():
        if calls == 0:
            continue
        line = re.search(rf"^\s*{name}\s+([\d,]+)\s+([\d,]+)K\s+([\d,]+)K\s+(\S+)\s+([\d,]+)\s",
                         text, re.M)
        assert line, f"{name} in\n{text}"
        assert numbers(f"{line[1]} {line[2]} {line[3]} {line[5]}") == [
            in_use, (memory + 1023) // 1024, (highest + 1023) // 1024, calls], line[0]


def test_b10_vmstat_alone_is_big_m(vmstat):
    assert "alpha=" in vmstat()[0].replace(" ", "")


def test_b10_vmstat_of_others():
    with running("busy", 1, 0) as child:
        done = heaptag("vmstat", child.pid)
        assert done.status in (0, 2) and "alpha" not in done.stdout
    done = heaptag("vmstat", "4194303")
    assert done.status == 2 and re.fullmatch("heaptag: .*no process 4194303.*\n", done.stderr)


def test_types_of_a_running_process():
    with running("mtype/figures", "hold", preload=False) as child:
        tags = tags_of(report_of(child.pid), "mtype")
    assert {"alpha", "beta", "gamma rays"} <= set(tags)
