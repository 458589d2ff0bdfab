"""Rows of .eh_frame, as core/stack finds them, against readelf's tables for whole files."""
import collections
import os
import re
import subprocess

import pytest

from runner import program, run

PROGRAM = program("frame_rows")
ENTRY = re.compile(r'\S+ \S+ \S+ FDE cie=(\S+) pc=([0-9a-f]+)\.\.([0-9a-f]+)')
COMMON = re.compile(r'(\S+) \S+ \S+ CIE "(.*)" cf=\d+ df=-?\d+ ra=(\d+)')
CFA = re.compile(r"(rsp|rbp)\+(\d+)")
REGISTER = re.compile(r"r\d+ \(\w+\)")  # where another register holds one: "r9 (r9)"
RBP = re.compile(r"c-(\d+)")

Function = collections.namedtuple("Function", "begin end common rows")


class Common:
    """A CIE: what it says of all its functions."""

    def __init__(self, augmentation, return_register):
        self.has_rows = "S" not in augmentation and return_register == 16
        self.rows = []


def sayable(columns):
    """What frame_rows should print for a row of readelf's; None when it has no such row."""
    cfa = CFA.fullmatch(columns["CFA"])
    rbp = columns.get("rbp", "u")
    offset = int(cfa[2]) if cfa else 0
    if offset < 8 or offset % 8 or columns.get("ra") != "c-8":
        return None
    if rbp in ("u", "s"):
        return f"{columns['CFA']} u"
    saved = RBP.fullmatch(rbp)
    return f"{columns['CFA']} {rbp}" if saved and int(saved[1]) % 8 == 0 else None


def read_functions(path):
    """All entries of a file's .eh_frame, their rows as (begin, what frame_rows should print)."""
    text = subprocess.run(
        ["readelf", "--debug-dump=frames-interp,no-follow-links", path], check=True,
        capture_output=True, text=True).stdout
    inside, names, rows = False, [], []
    commons, functions = {}, []
    for line in text.splitlines():
        if line.startswith("Contents of the "):
            inside = ".eh_frame section" in line
        elif not inside:
            continue
        elif match := COMMON.match(line):
            common = commons[match[1]] = Common(match[2], int(match[3]))
            rows = common.rows
        elif match := ENTRY.match(line):
            rows = []
            functions.append(Function(int(match[2], 16), int(match[3], 16), commons[match[1]], rows))
        elif line.lstrip().startswith("LOC"):
            names = line.split()
        elif re.match(r"[0-9a-f]{16} ", line):
            columns = dict(zip(names, REGISTER.sub("register", line).split(), strict=True))
            rows.append((int(columns["LOC"], 16), sayable(columns)))
    return functions


def questions(function):
    """Of one function, (return address, what frame_rows should print): the ends of each row."""
    # Without instructions of its own readelf prints no rows; those of the CIE begin at 0.
    rows = function.rows or [(function.begin, row) for _, row in function.common.rows]
    rows = list(dict(rows).items())  # of two at one place the second holds
    ends = [begin for begin, _ in rows[1:]] + [function.end]
    for (begin, row), end in zip(rows, ends, strict=True):
        answer = row if function.common.has_rows and row else "-"
        for pc in {begin + 1, end}:
            yield pc, f"{answer} {function.begin:x} {function.end:x}"


def modules(*libraries):
    lines = run([PROGRAM, *libraries], preload=False).ok().stdout.splitlines()
    paths = [line.removeprefix("module").strip() for line in lines]
    return {os.path.basename(path) or "itself": (number, os.path.realpath(path or PROGRAM))
            for number, path in enumerate(paths)}


def ask(asked, *libraries):
    """asked: [(module's number, address)] -> the lines that the program prints."""
    stdin = "".join(f"{number} {address:x}\n" for number, address in asked).encode()
    done = run([PROGRAM, *libraries], preload=False, stdin=stdin).ok()
    return [line for line in done.stdout.splitlines() if not line.startswith("module")]


@pytest.mark.parametrize("name,rows_min", [
    ("itself", 100), ("libc.so.6", 10_000), ("libstdc++.so.6", 10_000), ("libm.so.6", 1_000),
    ("libgcc_s.so.1", 100), ("ld-linux-x86-64.so.2", 1_000)])
def test_rows_are_readelfs(name, rows_min):
    """GIVEN a loaded file WHEN asked for every row of it THEN each is what readelf says."""
    number, path = modules()[name]
    expected = [question for function in read_functions(path) if function.begin < function.end
                for question in questions(function)]
    answers = ask([(number, pc) for pc, _ in expected])
    wrong = [(hex(pc), row, answer) for (pc, row), answer in zip(expected, answers, strict=True)
             if row != answer]
    assert not wrong, f"{len(wrong)} of {len(expected)} differ: {wrong[:10]}"
    said = sum(not row.startswith("-") for _, row in expected)
    assert said >= rows_min, f"only {said} rows of {len(expected)} can be said"


def test_outside_of_functions_there_is_no_row():
    """GIVEN a file's functions WHEN asked for addresses between them THEN nothing is found."""
    number, path = modules()["libc.so.6"]
    functions = sorted((f.begin, f.end) for f in read_functions(path) if f.begin < f.end)
    between = [pc for (_, end), (begin, _) in zip(functions, functions[1:])
               for pc in {end + 1, begin} if end < begin]
    assert len(between) > 100
    assert set(ask([(number, pc) for pc in between])) == {"- - -"}


def test_a_file_without_rows_has_none():
    """GIVEN a library without .eh_frame WHEN asked for its code THEN nothing is found."""
    library = program("lib_without_rows.so")
    number, _ = modules(library)["lib_without_rows.so"]
    symbols = subprocess.run(["nm", "-D", library], check=True, capture_output=True, text=True).stdout
    code = int(re.search(r"([0-9a-f]+) T without_rows", symbols)[1], 16)
    assert ask([(number, code + 5), (number, 0), (number, 0xffffffff)], library) == ["- - -"] * 3
