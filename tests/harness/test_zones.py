"""The memory of OSMalloc and of MALLOC (core/zone): what went wrong there once, and must not again.
Each error has a twin without it."""
import ctypes
import mmap
import re
import signal

import pytest

from old_systems import HOWS, holds, other_lines, panics_of, passes, run_case
from runner import LIBRARY, plain_name, program, run

KMEM = {"HEAPTAG_KMEM_DEBUG": "1"}
REDZONE = {"HEAPTAG_REDZONE": "16"}
CHECKS = {"plain": {}, "redzones": REDZONE, "kmem": KMEM, "both": KMEM | REDZONE}
INTERRUPTS = {"HEAPTAG_OSF_INTR_SIGNALS": "1"}


@pytest.fixture(name="locks_memory")
def needs_locked_memory():
    """Skips where the process may not lock as much as these programs do."""
    size = 64 << 20
    memory = mmap.mmap(-1, size)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    if ctypes.CDLL(None).mlock(ctypes.c_void_p(address), ctypes.c_size_t(size)) != 0:
        pytest.skip("may not lock 64 MB of memory (ulimit -l)")
    ctypes.CDLL(None).munlock(ctypes.c_void_p(address), ctypes.c_size_t(size))


# ---- Blocks that other functions free ----

FREED_BY = "old_systems/freed_by_others"
# case: the function that calls, and as what it frees
CALLS = {"free": ("the_freer", "malloc"), "enlarging": ("resize", "malloc"),
         "reducing": ("resize", "malloc"), "realloc_to_nothing": ("the_resizer_to_nothing", "malloc"),
         "delete": ("the_deleter", "new"), "sized_delete": ("the_sized_deleter", "new"),
         "delete_array": ("the_array_deleter", "new[]")}
BLOCKS = 10  # in each case
ZONES = {"osmalloc": "OSMalloc", "mtype": "MALLOC"}


def check_refused(report, case, zone, count):
    caller, family = CALLS[case]
    errors = report["errors"]
    assert {error["kind"] for error in errors} == {"family-mismatch"}, errors
    assert sum(error["count"] for error in errors) == count, errors
    for error in errors:
        assert (error["expected"], error["found"]) == (ZONES[zone], family), error
        functions = [plain_name(frame["function"]) for frame in error["detected_at"]]
        assert caller in functions, functions


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("case", CALLS)
def test_a_block_of_a_zone_is_not_freed_by_others(case, zone, how):
    done = holds(FREED_BY, case, zone, how=how, report=True)
    check_refused(done.report, case, zone, BLOCKS)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("case", CALLS)
def test_it_is_told_without_a_report(case, zone):
    done = holds(FREED_BY, case, zone)
    assert "heaptag: ERROR: family-mismatch" in done.stderr, done.stderr


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("case", CALLS)
def test_kmem_debug_stops_whoever_does(case, zone):
    done = run_case(FREED_BY, case, zone, env=KMEM, report=True)
    assert done.signal == signal.SIGABRT and "ok" not in done.stdout, str(done.outcome)
    check_refused(done.report, case, zone, 1)
    done = holds(FREED_BY, case, zone, env=KMEM | {"HEAPTAG_ON_ERROR": "report"}, report=True)
    check_refused(done.report, case, zone, BLOCKS)


@pytest.mark.parametrize("checks", CHECKS)
@pytest.mark.parametrize("case", CALLS)
def test_the_same_calls_free_their_own(case, checks):
    passes(FREED_BY, case, "own", env=CHECKS[checks])


# ---- Types ----

def test_given_types_may_be_first_used_by_many_threads():
    passes("mtype/first_use", "at_once")


@pytest.mark.parametrize("case", ["sizes_that_overflow", "sizes_that_fit"])
@pytest.mark.parametrize("checks", CHECKS)
def test_sizes_do_not_overflow_with_redzones(checks, case):
    passes("mtype/huge", case, env=CHECKS[checks])


@pytest.mark.parametrize("others", ["taken_on", "alone"])
@pytest.mark.parametrize("checks", ["plain", "kmem"])
def test_a_detached_type_is_not_the_one_that_has_its_name(checks, others):
    done = holds("mtype/detached", "name_taken_on", others, env=CHECKS[checks])
    assert len(panics_of(done.stderr)) == 2, done.stderr
    (told,) = other_lines(done.stderr)
    assert told == "heaptag: memory type 'same name' was detached with 1 block (10 bytes) in use"


# ---- More accounts than there is room for ----

ACCOUNTS = "old_systems/many_accounts"


@pytest.mark.parametrize("case", ["more_tags_than_names", "more_tags_than_names_by_limit",
                                  "more_owners_than_fit"])
def test_accounts_that_share_a_tag_are_kept_apart(case):
    done = holds(ACCOUNTS, case)
    (panic,) = panics_of(done.stderr)
    assert re.fullmatch(r"OSFree\(\): 0x[0-9a-f]+ belongs to 'right', not to 'wrong'", panic), panic
    assert other_lines(done.stderr) == [], done.stderr


@pytest.mark.parametrize("case", ["more_tags_than_names", "more_owners_than_fit"])
def test_accounts_with_a_tag_of_their_own_are_the_same(case):
    assert len(panics_of(holds(ACCOUNTS, case, "few").stderr)) == 1


def test_pools_never_get_the_owner_that_others_share():
    passes(ACCOUNTS, "pools_do_not_share_an_owner")


# ---- Locked memory ----

@pytest.mark.usefixtures("locks_memory")
def test_locked_memory_comes_back():
    passes("osmalloc/locked", "comes_back")


@pytest.mark.usefixtures("locks_memory")
def test_mlockall_stays_in_force():
    passes("osmalloc/locked", "what_was_freed", "all")


@pytest.mark.usefixtures("locks_memory")
def test_freed_memory_is_locked_no_longer():
    passes("osmalloc/locked", "what_was_freed")


def test_each_block_that_could_not_be_locked_is_counted():
    done = holds("osmalloc/locked", "each_block_is_counted")
    assert re.fullmatch(r"heaptag: OSMalloc: .* could not be locked .*\n", done.stderr), done.stderr


@pytest.mark.usefixtures("locks_memory")
def test_blocks_that_are_locked_are_no_failures():
    passes("osmalloc/locked", "each_block_is_counted", "may")


# ---- The pool ----

def test_noblock_has_memory_again_after_bursts_of_other_sizes():
    passes("osmalloc/noblock_again", "after_bursts_of_other_sizes")


@pytest.mark.parametrize("case", ["pageable_begins_at_a_page", "smaller_is_aligned"])
@pytest.mark.parametrize("checks", CHECKS)
def test_pageable_blocks_of_noblock_begin_at_a_page(checks, case):
    passes("osmalloc/noblock_again", case, env=CHECKS[checks])


# ---- Panics while slabs are let go ----

def test_memory_goes_back_after_a_hook_has_left_a_panic():
    done = holds("mtype/trimming", "goes_on_after_a_panic", env=KMEM | {"HEAPTAG_ON_ERROR": "report"})
    assert panics_of(done.stderr)


def test_memory_goes_back_without_a_panic():
    passes("mtype/trimming", "goes_on_after_a_panic", "clean", env=KMEM)


# ---- Signal handlers ----

JUMPS = ["to_where_the_stack_is", "from_an_alternate_stack", "into_the_outer_handler",
         "out_of_many_handlers", "by_return"]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("case", JUMPS)
def test_interrupt_context_ends_with_its_handler(case, how):
    passes("mtype/jumps", case, how=how, env=INTERRUPTS)


def test_handlers_are_no_interrupts_by_default():
    """Negative control: these cases are about handlers that are."""
    for case in JUMPS:
        assert run_case("mtype/jumps", case).status == 1


@pytest.mark.parametrize("how", HOWS)
def test_a_handler_may_fork_while_the_peak_rises(how):
    passes("old_systems/handlers", "forks_while_the_peak_rises", how=how)


def test_a_handler_may_free_what_is_damaged():
    done = holds("old_systems/handlers", "frees_what_is_damaged", "damaged", env=REDZONE, report=True)
    assert {error["kind"] for error in done.report["errors"]} == {"overflow"}


def test_a_handler_may_free_what_is_not():
    done = passes("old_systems/handlers", "frees_what_is_damaged", env=REDZONE, report=True)
    assert done.report["errors"] == []


def test_a_handler_may_free_large_blocks_of_an_opened_library():
    done = run([program("old_systems/frees_by_dlsym"), LIBRARY], preload=False).ok()
    assert done.stdout == "ok\n", done.stdout


@pytest.mark.parametrize("checks", CHECKS)
def test_threads_handlers_and_forks_raise_nothing(checks):
    done = passes("old_systems/storm", "all_at_once", env=CHECKS[checks], report=True)
    assert done.report.get("errors", []) == []
