"""Writes beyond and before a block (HEAPTAG_REDZONE=16): by one byte and by sixteen, found when the block
is freed or resized, or at exit if it never is."""
import pytest

from planted import ALLOCATORS, KMEM, REDZONES, SIZES, SOME_SIZES, plant

RUN = "".join(f"{0x37 + i:02x}" for i in range(16))
# case: kind, length, the bytes that are found
OUTSIDE = {"overflow_1": ("overflow", 1, "37"), "overflow_nul": ("overflow", 1, "00"),
           "overflow_16": ("overflow", 16, RUN), "overflow_at_16": ("overflow", 1, "37"),
           "underflow_1": ("underflow", 1, "37"), "underflow_16": ("underflow", 16, RUN),
           "underflow_at_16": ("underflow", 1, "37")}


@pytest.mark.parametrize("with_checksums", [False, True], ids=["alone", "kmem"])
@pytest.mark.parametrize("case", OUTSIDE)
def test_found_at_free(case, with_checksums):
    kind, length, found = OUTSIDE[case]
    for size in SIZES:
        plant(case, size, REDZONES | (KMEM if with_checksums else {}), "malloc").went_on().check(
            kind, {"free"}, length=length, found=found, allocated="the_allocator",
            detected="the_freer")


@pytest.mark.parametrize("allocator", ALLOCATORS)
@pytest.mark.parametrize("case", OUTSIDE)
def test_whoever_has_allocated(case, allocator):
    kind, length, found = OUTSIDE[case]
    for size in SOME_SIZES:
        plant(case, size, REDZONES, allocator).went_on().check(
            kind, {"free"}, length=length, found=found, allocated="the_allocator",
            detected="the_freer")


@pytest.mark.parametrize("allocator", ALLOCATORS)
@pytest.mark.parametrize("case,kind", [("overflow_kept", "overflow"), ("underflow_kept", "underflow")])
def test_found_at_exit(case, kind, allocator):
    """Blocks that are never freed are looked at, too."""
    for size in SIZES if allocator == "malloc" else SOME_SIZES:
        plant(case, size, REDZONES, allocator).went_on().check(
            kind, {"exit"}, length=1, found="37", allocated="the_allocator")


def test_found_by_realloc():
    for size in SIZES:
        plant("overflow_realloc", size, REDZONES, "malloc").went_on().check(
            "overflow", {"free"}, length=1, found="37", allocated="the_allocator",
            detected="the_reallocator")


@pytest.mark.parametrize("redzone", [16, 32, 64, 256])
def test_wider_redzones(redzone):
    env = REDZONES | {"HEAPTAG_REDZONE": str(redzone)}
    for case in ("overflow_16", "underflow_16"):
        kind, length, found = OUTSIDE[case]
        for size in SOME_SIZES:
            plant(case, size, env, "malloc").went_on().check(kind, {"free"}, length=length,
                                                             found=found)


def test_all_that_is_usable_may_be_written():
    """malloc_usable_size tells where the redzone begins."""
    for size in SIZES:
        for env in (REDZONES, REDZONES | KMEM):
            found = plant("usable", size, env, "malloc").went_on()
            assert found.errors == [], str(found)
