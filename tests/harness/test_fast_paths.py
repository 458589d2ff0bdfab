"""What a warm call of malloc and free executes: a change there is to be intended.

programs/fast_paths.c says which instructions; what they do is summed up in golden/fast_paths.txt.
TEST_UPDATE_GOLDEN=1 accepts what there is now. The code is the compiler's: with another one, or in
a build that is no Release build, there is nothing to compare with.
"""
import os
import re
import subprocess

import pytest

from runner import BUILD, LIBRARY, ROOT, program, run, tool_or_skip

GOLDEN = ROOT / "tests/golden/fast_paths.txt"
IS_UPDATE = os.environ.get("TEST_UPDATE_GOLDEN") == "1"
CANNOT_TRACE = 4

EXPLANATION = """\
What a warm call executes in libheaptag.so, as programs/fast_paths.c has seen it. "changes" are reads
and writes in one instruction, "taken" and "untaken" conditional jumps; call and push are stores, ret
and pop loads, and a prefetch is neither. Written by TEST_UPDATE_GOLDEN=1, see test_fast_paths.py.
"""
COLUMNS = ("instructions", "loads", "stores", "changes", "taken", "untaken", "multiplications")
ROW = "{:<16}" + "".join(f"  {{:>{len(name)}}}" for name in COLUMNS)
HEAD = ROW.format("path", *COLUMNS)

INSTRUCTION = re.compile(r" +([0-9a-f]+):\t(.*?) *(?:#.*)?")
PREFIXES = {"lock", "rep", "repz", "repnz", "bnd", "notrack", "data16", "cs", "ds", "fs"}
TOUCHES_NOTHING = re.compile(r"lea|nop|prefetch.*|endbr64")
READS_FIRST = re.compile(r"cmp|test|bt|v?u?comis[sd]|i?mul|i?div|call|jmp|push")
WRITES_FIRST = re.compile(r"v?mov.*|set.*|pop")
CHANGES_FIRST = re.compile(r"add|adc|sub|sbb|inc|dec|neg|not|and|x?or|sh[lr]d?|sa[lr]|ro[lr]|"
                           r"bt[scr]|xchg|xadd|cmpxchg")
CONDITIONAL = re.compile(r"j(?!mp).*")
MULTIPLICATION = re.compile(r"i?mulx?")


def kinds_of(instruction):
    """The columns, but for taken and untaken, in which an instruction of objdump's counts once."""
    words = instruction.split(maxsplit=1)
    while words[0] in PREFIXES and len(words) > 1:
        words = words[1].split(maxsplit=1)
    name, operands = words[0], words[1].split(",") if len(words) > 1 else [""]
    kinds = ["instructions"]
    if MULTIPLICATION.fullmatch(name):
        kinds.append("multiplications")
    if name in ("call", "push"):
        kinds.append("stores")
    elif name in ("ret", "pop", "leave"):
        kinds.append("loads")
    if TOUCHES_NOTHING.fullmatch(name):
        return kinds
    # Operands in memory are "QWORD PTR [rax+0x8]" or "QWORD PTR fs:0x28".
    if any(" PTR " in operand for operand in operands[1:]):
        kinds.append("changes" if name == "xchg" else "loads")
    elif " PTR " in operands[0]:
        known = {"loads": READS_FIRST, "stores": WRITES_FIRST, "changes": CHANGES_FIRST}
        kind = next((kind for kind, names in known.items() if names.fullmatch(name)), None)
        assert kind, f"what does this one do with memory: {instruction}"
        kinds.append(kind)
    return kinds


def read_instructions():
    """{offset: instruction} of the library."""
    listing = subprocess.run(
        [tool_or_skip("objdump"), "-d", "-M", "intel", "--no-show-raw-insn", LIBRARY], check=True,
        capture_output=True, text=True).stdout
    found = map(INSTRUCTION.fullmatch, listing.splitlines())
    return {int(match[1], 16): match[2] for match in found if match}


def mix(path, instructions, following):
    """path: the offsets that were executed. following: {offset: that of the next instruction}."""
    sums = dict.fromkeys(COLUMNS, 0)
    for offset, then in zip(path, [*path[1:], None]):
        for kind in kinds_of(instructions[offset]):
            sums[kind] += 1
        if CONDITIONAL.match(instructions[offset]):
            sums["untaken" if then == following[offset] else "taken"] += 1
    return sums.values()


def rows_now():
    done = run([program("fast_paths")])
    if done.status == CANNOT_TRACE:
        pytest.skip("no process may be traced here")
    instructions = read_instructions()
    offsets = sorted(instructions)
    following = dict(zip(offsets, offsets[1:]))
    rows = []
    for line in done.ok().stdout.splitlines():
        function, kind, *path = line.split()
        path = [int(offset, 16) for offset in path]
        rows.append(ROW.format(f"{function} {kind}", *mix(path, instructions, following)))
    return rows


def compiler():
    """'GCC 12.2.0': what the library's objects say."""
    text = subprocess.run([tool_or_skip("readelf"), "-p", ".comment", LIBRARY], check=True,
                          capture_output=True, text=True).stdout
    names = re.findall(r"^ +\[ *[0-9a-f]+\] +(.*\S)", text, re.M)
    return ", ".join(sorted({re.sub(r":? \(.*?\)", "", name) for name in names}))


def differences(golden, now):
    """Both rows of every path that is not the same."""
    by_path = [{tuple(row.split()[:2]): row for row in rows} for rows in (golden, now)]
    lines = []
    for path in dict.fromkeys([*by_path[0], *by_path[1]]):
        was, is_now = (rows.get(path, "-") for rows in by_path)
        if was != is_now:
            lines += [f"golden  {was}", f"now     {is_now}"]
    return lines


def test_fast_paths_are_the_golden_ones():
    cache = BUILD / "CMakeCache.txt"
    options = cache.read_text(encoding="utf-8") if cache.exists() else ""
    if (LIBRARY != BUILD / "libheaptag.so" or "CMAKE_BUILD_TYPE:STRING=Release\n" not in options
            or "HEAPTAG_ACCOUNTING:BOOL=OFF\n" in options):
        pytest.skip(f"{LIBRARY} is not of a Release build")
    if IS_UPDATE:
        table = [compiler(), "", *EXPLANATION.splitlines(), "", HEAD, *rows_now()]
        GOLDEN.write_text("\n".join(table) + "\n", encoding="utf-8")
        return
    golden = GOLDEN.read_text(encoding="utf-8").splitlines()
    if golden[0] != compiler():
        pytest.skip(f"the golden file is of {golden[0]}, the library of {compiler()}")
    assert HEAD in golden, f"{GOLDEN} has other columns: TEST_UPDATE_GOLDEN=1 writes it anew"
    changed = differences(golden[golden.index(HEAD) + 1:], rows_now())
    if changed:
        pytest.fail("\n".join([
            "a fast path has changed:", "", f"        {HEAD}", *changed, "",
            "If that is intended: in tests/, TEST_UPDATE_GOLDEN=1 python3 -m pytest "
            "harness/test_fast_paths.py", f"writes {GOLDEN.relative_to(ROOT)}; commit it with the "
            "change."]), pytrace=False)


@pytest.mark.parametrize("instruction,kinds", [
    ("mov    rax,QWORD PTR fs:[rax]", "loads"), ("mov    QWORD PTR [rdi],rdx", "stores"),
    ("mov    BYTE PTR [rax+rsi*1],cl", "stores"), ("mov    rax,rdx", ""),
    ("movzx  edx,BYTE PTR [rax+rdi*1]", "loads"), ("sete   BYTE PTR [rsp+0x8]", "stores"),
    ("add    QWORD PTR [rdx+0x8],0x1", "changes"), ("add    rsi,QWORD PTR [r8+0x40]", "loads"),
    ("lock cmpxchg QWORD PTR [rdi],rsi", "changes"), ("xchg   rax,QWORD PTR [rdi]", "changes"),
    ("cmp    QWORD PTR [rsi],rax", "loads"), ("cmp    rdx,QWORD PTR [rax+0x8]", "loads"),
    ("test   BYTE PTR [rsi+0x1a],0x20", "loads"), ("lea    rdx,[rcx+0x1]", ""),
    ("prefetcht0 BYTE PTR [rcx]", ""), ("nop    WORD PTR cs:[rax+rax*1+0x0]", ""),
    ("cs nop WORD PTR [rax+rax*1+0x0]", ""), ("ret", "loads"), ("pop    rbx", "loads"),
    ("push   rbx", "stores"), ("call   13d50 <f(int, int)>", "stores"), ("jmp    13d50 <f>", ""),
    ("jmp    QWORD PTR [rip+0x10]", "loads"), ("push   QWORD PTR [rdi]", "stores loads"),
    ("imul   rax,r9", "multiplications"), ("mul    QWORD PTR [rdi]", "multiplications loads")])
def test_what_an_instruction_does(instruction, kinds):
    assert kinds_of(instruction) == ["instructions", *kinds.split()]


def test_a_branch_is_taken_or_not():
    code = {0: "je     8 <f+0x8>", 2: "jne    8 <f+0x8>", 4: "nop", 8: "ret"}
    sums = dict(zip(COLUMNS, mix([0, 2, 8], code, {0: 2, 2: 4, 4: 8})))
    assert (sums["instructions"], sums["taken"], sums["untaken"]) == (3, 1, 1)


def test_what_differs_is_shown():
    same, was, is_now = "free uniform    1", "malloc varied   1", "malloc varied   2"
    assert differences([same, was], [was, same]) == []
    assert differences([same, was], [same, is_now]) == [f"golden  {was}", f"now     {is_now}"]
