"""Frees of what is no block, or none any more; of another family or size. Refused and reported, and the
program goes on; the plainest of them also when nothing was asked for but a report."""
import pytest

from planted import (ALLOCATORS, C_ALLOCATORS, CXX_ALLOCATORS, KMEM, MODES, SIZES, SOME_SIZES,
                     function_of, plant, program_of, sizes_for)
from runner import run

DOUBLE = ["double_free", "double_free_late", "double_free_by_thread", "double_free_of_threads"]
INTERIOR = ["interior_free", "interior_free_1", "interior_free_16"]
WRONG = ["stack_free", "static_free", "foreign_free", "unmapped_free", "small_number_free",
         "never_free_far", "never_free_near"]
FAMILIES = {"malloc_delete": ("malloc", "new"), "malloc_delete_array": ("malloc", "new[]"),
            "malloc_delete_sized": ("malloc", "new"), "new_free": ("new", "malloc"),
            "new_delete_array": ("new", "new[]"), "new_array_delete": ("new[]", "new"),
            "new_array_free": ("new[]", "malloc"), "new_realloc": ("new", "malloc"),
            "memalign_delete": ("malloc", "new"), "aligned_new_free": ("new", "malloc")}
CHECKED = {name: MODES[name] for name in ("kmem", "redzones", "kmem-redzones", "basic", "full")}
BY_DEFAULT = ["double_free", "stack_free", "static_free", "foreign_free", "unmapped_free"]


@pytest.mark.parametrize("allocator", ALLOCATORS)
@pytest.mark.parametrize("case", DOUBLE)
def test_double_free(case, allocator):
    for size in SIZES if allocator in ("malloc", "new") else SOME_SIZES:
        plant(case, size, KMEM, allocator).went_on().check(
            "double-free", {"free"}, allocated="the_allocator", freed="the_freer",
            detected="the_second_freer")


@pytest.mark.parametrize("allocator", ALLOCATORS)
@pytest.mark.parametrize("case", INTERIOR)
def test_free_of_the_inside(case, allocator):
    for size in sizes_for(case, SIZES if allocator in ("malloc", "new") else SOME_SIZES):
        plant(case, size, KMEM, allocator).went_on().check(
            "interior-free", {"free"}, allocated="the_allocator", detected="the_second_freer")


@pytest.mark.parametrize("allocator", ALLOCATORS)
@pytest.mark.parametrize("case", WRONG)
def test_free_of_what_was_no_block(case, allocator):
    for size in SIZES if allocator == "malloc" else SOME_SIZES:
        plant(case, size, KMEM, allocator).went_on().check(
            "invalid-free", {"free"}, detected="the_second_freer")


@pytest.mark.parametrize("case,kind,freed", [("realloc_freed", "double-free", "the_freer"),
                                             ("realloc_interior", "interior-free", None),
                                             ("realloc_foreign", "invalid-free", None)])
def test_realloc(case, kind, freed):
    for allocator in C_ALLOCATORS:
        for size in sizes_for(case, SIZES if allocator == "malloc" else SOME_SIZES):
            functions = {"freed": freed} if freed else {}
            plant(case, size, KMEM, allocator).went_on().check(
                kind, {"free"}, detected="the_reallocator", **functions)


@pytest.mark.parametrize("case", FAMILIES)
def test_mismatched_family(case):
    """The report names both, in the words of DESIGN: malloc, new, new[]."""
    for size in SIZES:
        error = plant(case, size, KMEM).went_on().check(
            "family-mismatch", {"free"}, allocated="the_family_allocator",
            detected="the_mismatched_freer")
        allocated, freed = FAMILIES[case]
        assert {allocated, freed} == {error["expected"], error["found"]}, error


def test_mismatched_size():
    for size in SIZES:
        error = plant("sized_delete", size, KMEM).went_on().check(
            "size-mismatch", {"free"}, allocated="the_family_allocator",
            detected="the_mismatched_freer")
        assert {str(error["expected"]), str(error["found"])} == {str(size), str(size + 8)}, error


@pytest.mark.parametrize("mode", CHECKED)
@pytest.mark.parametrize("case,kind", [("double_free", "double-free"),
                                       ("double_free_late", "double-free"),
                                       ("interior_free", "interior-free"),
                                       ("stack_free", "invalid-free"),
                                       ("foreign_free", "invalid-free"),
                                       ("never_free_far", "invalid-free"),
                                       ("realloc_freed", "double-free"),
                                       ("new_free", "family-mismatch"),
                                       ("sized_delete", "size-mismatch")])
def test_in_every_checking_mode(case, kind, mode):
    for size in (24, 100, 5000, 131072):
        plant(case, size, CHECKED[mode]).went_on().check(kind, {"free"})


@pytest.mark.parametrize("allocator", ALLOCATORS)
@pytest.mark.parametrize("case", BY_DEFAULT)
def test_refused_by_default(case, allocator):
    """Nothing is set but where the report goes: no stack is kept, and who freed first is not known."""
    kind = "double-free" if case == "double_free" else "invalid-free"
    for size in SIZES if allocator in ("malloc", "new") else SOME_SIZES:
        found = plant(case, size, {}, allocator).went_on()
        error = found.only()
        assert (error["kind"], error["found_when"]) == (kind, "free"), str(found)
        assert int(error["address"], 16) == found.blocks[-1][0], str(found)
        assert function_of(error["detected_at"]) == "the_second_freer", str(found)
        assert "heaptag: ERROR: " + kind in found.done.stderr, str(found)


def test_refused_if_nothing_at_all_is_set():
    for allocator in C_ALLOCATORS[:2] + CXX_ALLOCATORS[:2]:
        for case in BY_DEFAULT:
            done = run([program_of(allocator), f"{case},{allocator}", "100", "bad"])
            assert done.status == 0 and done.stdout.endswith("done\n"), (case, done.outcome)
