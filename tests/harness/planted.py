"""Planted errors: runs programs/planted and planted_cxx, and says what a report must say of them.

`Error` is what the program itself has printed of the block that it abuses; `Found` a run with the
errors of its report. No function here knows how errors are found.
"""
import pathlib
import re

from runner import plain_name, program, run

REPORT = {"HEAPTAG_ON_ERROR": "report"}
KMEM = {"HEAPTAG_KMEM_DEBUG": "1", **REPORT}
REDZONE = 16
REDZONES = {"HEAPTAG_REDZONE": str(REDZONE), **REPORT}
GUARDS = {"HEAPTAG_GUARD": "all", **REPORT}
MODES = {
    "kmem": KMEM,
    "kmem-reuse": KMEM | {"HEAPTAG_QUARANTINE": "0"},
    "redzones": REDZONES,
    "kmem-redzones": KMEM | REDZONES,
    "guards": GUARDS,
    "basic": {"HEAPTAG_CHECK": "basic"},
    "full": {"HEAPTAG_CHECK": "full"},
}

SIZES = [1, 2, 7, 8, 15, 16, 17, 24, 63, 64, 100, 255, 256, 257, 1000, 4095, 4096, 5000, 32768, 40000,
         131072, 1048576]
SOME_SIZES = [1, 24, 100, 4096, 40000, 1048576]
C_ALLOCATORS = ["malloc", "calloc", "memalign", "posix_memalign", "aligned_alloc", "realloc_null",
                "strdup"]
CXX_ALLOCATORS = ["new", "new_array", "nothrow", "nothrow_array", "aligned", "aligned_array"]
ALLOCATORS = C_ALLOCATORS + CXX_ALLOCATORS
ALIGNED = {"memalign", "posix_memalign", "aligned_alloc", "aligned", "aligned_array"}
ALIGNMENT = 64
# Exactly these bytes are named; of larger blocks it is a range that holds them.
EXACT_TO = 4096


def program_of(allocator):
    return program("planted_cxx" if allocator in CXX_ALLOCATORS else "planted")


def list_cases(name):
    """{case: least size} of programs/planted or planted_cxx."""
    try:
        lines = run([program(name), "list"], preload=False).stdout.splitlines()
    except FileNotFoundError:  # not built: conftest says so
        return {}
    return {case: int(least) for case, least in map(str.split, lines)}


C_CASES, CXX_CASES = list_cases("planted"), list_cases("planted_cxx")
# Shows that nothing is wrong, in both forms.
HARMLESS = {"usable", "calloc_recycled"}


def sizes_for(case, sizes):
    least = C_CASES.get(case) or CXX_CASES[case]
    return [size for size in sizes if size >= least]


def function_of(frames):
    """The first function of the program's own; those of libc that call malloc stand before it."""
    for frame in frames:
        if pathlib.Path(frame["module"] or "").name.startswith("planted"):
            return plain_name(frame["function"])
    return None


class Found:
    """A run with one planted error or more, and what heaptag found in it."""

    def __init__(self, done):
        self.done = done
        self.blocks = [(int(address, 16), int(size), int(offset)) for address, size, offset in
                       re.findall(r"^block (\S+) size (\d+) offset (-?\d+)$", done.stdout, re.M)]
        self.report = done.report
        self.errors = self.report["errors"]

    def __str__(self):
        done = self.done
        return (f"{' '.join(map(str, done.argv))}: status {done.status}, signal {done.signal}\n"
                f"{done.stdout[-500:]}{done.stderr[-3000:]}\n{self.errors}")

    def went_on(self):
        """The program has survived its error and ended as it would have without."""
        assert (self.done.status, self.done.signal) == (0, None), str(self)
        assert self.done.stdout.endswith(" done\n"), str(self)
        assert "twice" not in self.done.stdout and "changed" not in self.done.stdout, str(self)
        return self

    def only(self):
        """The one error that there is; its block is the last that the program has told of."""
        assert len(self.errors) == 1, str(self)
        assert self.errors[0]["count"] == 1, str(self)
        return self.errors[0]

    def check(self, kind, found_when=None, *, length=None, found=None, **functions):
        """One error of that kind, in the block that the program has named; `functions` are
        allocated, freed, detected=NAME: the first function of the program in those frames."""
        error = self.only()
        block, size, offset = self.blocks[-1]
        assert error["kind"] == kind, str(self)
        assert found_when is None or error["found_when"] in found_when, str(self)
        assert (error["size"] or 0) == size, str(self)
        address = int(error["address"], 16)
        if size <= EXACT_TO:
            assert (address, error["offset"]) == (block + offset, offset), str(self)
            assert length is None or error["length"] == length, str(self)
        else:
            assert address == block + error["offset"], str(self)
            assert error["offset"] <= offset < error["offset"] + (error["length"] or size), str(self)
        if found and size <= EXACT_TO:
            assert (error["found"] or "").startswith(found), str(self)
        for key, frames in (("allocated", "allocated_by"), ("freed", "freed_by"),
                            ("detected", "detected_at")):
            if key in functions:
                assert function_of(error[frames]) == functions[key], f"{frames}: {self}"
        return error


def plant(case, size, env, allocator=None, *more, **options):
    """Runs a case with its error; `more`: further words, each case with its size and "bad"."""
    path = program_of(allocator) if case not in CXX_CASES or case in C_CASES else program(
        "planted_cxx")
    word = f"{case},{allocator}" if allocator else case
    return Found(run([path, word, str(size), "bad", *map(str, more)], env=env, report=True,
                     **options))


def good_words(cases, sizes, allocator):
    return [word for case, least in cases.items() for size in sizes if size >= least
            for word in (f"{case},{allocator}", size, "good")]
