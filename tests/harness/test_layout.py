"""preload/layout.ld: what a process does not use of the library is not mapped into its memory."""

import re

import runner

WINDOW_KIB = 64  # what the kernel maps around one access of a file, where it is set as usual


def mappings_of_the_library(text):
    """(start, rights, resident KiB) of each mapping in a /proc/PID/smaps."""
    found = []
    for line in text.splitlines():
        head = re.match(r"([0-9a-f]+)-[0-9a-f]+ (\S+) .* (\S+)$", line)
        if head:
            found.append([int(head[1], 16), head[2], head[3].endswith("/libheaptag.so"), 0])
        elif line.startswith("Rss:"):
            found[-1][3] = int(line.split()[1])
    return [(start, rights, kib) for start, rights, is_ours, kib in found if is_ours]


def test_a_small_program_maps_little_of_our_code():
    run = runner.run(["/usr/bin/cat", "/proc/self/smaps"]).ok()
    code = [m for m in mappings_of_the_library(run.stdout) if "x" in m[1]]
    assert len(code) == 1, "one segment of code: a gap between sections makes two"
    start, _, resident_kib = code[0]
    assert start % (WINDOW_KIB * 1024) == 0, "windows of the kernel are not those of layout.ld"
    # Start, ordinary programs, names of wrappers and, across a border, more of these: 4 of 10. One
    # function that is missing in the lists may cost one more.
    assert resident_kib <= 5 * WINDOW_KIB, "run bench/first_functions: functions have moved"


def test_a_program_that_does_not_allocate_maps_the_start_alone():
    run = runner.run([runner.program("own_smaps")]).ok()
    code = [m for m in mappings_of_the_library(run.stdout) if "x" in m[1]]
    assert code[0][2] <= 2 * WINDOW_KIB, "run bench/first_functions: something else runs at start"
