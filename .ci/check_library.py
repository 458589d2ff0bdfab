#!/usr/bin/env python3
"""Looks at the finished library as the loader and the linker see it.

usage: check_library.py CHECK LIBRARY [--entries FILE] [--map FILE] [--left-out FILE] [--libc FILE]

CHECK is one of: needed exports coverage tls undefined versions calloc flags init segments.
Prints what is wrong and exits with 1, or prints one line of figures and exits with 0.
"""
import argparse
import fnmatch
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NEEDED_ALLOWED = {"libc.so.6", "ld-linux-x86-64.so.2"}
TLS_BYTES_MAX = 256
GLIBC_MAX = (2, 36)  # what Debian 12 has
GLIBC_STRONG_MAX = (2, 34)  # newer ones only where their absence is survived
ALLOCATING = re.compile(r"alloc|free|memalign|mallinfo|mallopt", re.I)


def tool(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def entry_names(path):
    names = re.findall(r"^\s*HEAPTAG_ENTRY\w*\(\s*([A-Za-z_]\w*)", path.read_text(), re.M)
    return {n for n in names if n != "symbol"}


def map_names(path):
    """The names of the version script's global part; patterns are kept as they are."""
    text = re.sub(r"/\*.*?\*/|#[^\n]*|//[^\n]*", "", path.read_text(), flags=re.S)
    inside = re.search(r"global\s*:(.*?)(local\s*:|\})", text, re.S)
    return set(re.findall(r"[\w*?]+", inside.group(1))) if inside else set()


def defined(library):
    """Exported name -> type letter, without versions; version nodes themselves left out."""
    symbols = {}
    for line in tool("nm", "-D", "--defined-only", library).splitlines():
        *_, kind, name = line.split()
        if kind != "A":
            symbols[name.split("@")[0]] = kind
    return symbols


def undefined(library):
    """(name, version or None, weak) of each imported symbol."""
    found = []
    for line in tool("nm", "-D", "--undefined-only", library).splitlines():
        kind, name = line.split()[-2:]
        name, _, version = name.partition("@")
        found.append((name, version.lstrip("@") or None, kind in "wv"))
    return found


def check_needed(args):
    names = set(re.findall(r"\(NEEDED\).*\[(.*?)\]", tool("readelf", "-dW", args.library)))
    bad = [f"needs {n}: only {', '.join(sorted(NEEDED_ALLOWED))} may be" for n in
           sorted(names - NEEDED_ALLOWED)]
    return bad, " ".join(sorted(names))


def check_exports(args):
    table, wanted = entry_names(args.entries), map_names(args.map)
    got = set(defined(args.library))
    bad = []
    if not table:
        bad.append(f"{args.entries}: no HEAPTAG_ENTRY lines")
    own = {n for n in got if n.startswith("heaptag_") or n == "kmem_corrupt_data"}
    bad += [f"exported, but not in {args.entries.name}: {n}" for n in sorted(got - table - own)]
    bad += [f"in {args.entries.name}, but not exported: {n}" for n in sorted(table - got)]
    matches = lambda n: any(fnmatch.fnmatchcase(n, w) for w in wanted)
    bad += [f"exported, but not in {args.map.name}: {n}" for n in sorted(got) if not matches(n)]
    bad += [f"in {args.map.name}, but not exported: {n}" for n in sorted(wanted)
            if not any(fnmatch.fnmatchcase(g, n) for g in got)]
    for line in tool("nm", "-D", "--defined-only", args.library).splitlines():
        if "@" in line:
            bad.append(f"has a version, which switches interposition off: {line.split()[-1]}")
    return bad, f"{len(got & table)} entry points, {len(own)} of our own: {' '.join(sorted(own))}"


def check_coverage(args):
    left_out = set()
    for line in args.left_out.read_text().splitlines():
        if line.split("#")[0].strip():
            name, *reason = line.split()
            if not reason:
                return [f"{args.left_out.name}: {name} has no reason"], ""
            left_out.add(name)
    ours = set(defined(args.library))
    libc = set()
    for line in tool("nm", "-D", "--defined-only", args.libc).splitlines():
        name, _, version = line.split()[-1].partition("@")
        if ALLOCATING.search(name) and "PRIVATE" not in version:
            libc.add(name)
    bad = [f"libc exports {n}: neither exported nor in {args.left_out.name}"
           for n in sorted(libc - ours - left_out)]
    bad += [f"{args.left_out.name} leaves out {n}, which is exported"
            for n in sorted(ours & left_out)]
    return bad, f"{len(libc & ours)} of libc's {len(libc)} defined, {len(libc - ours)} left out"


def check_tls(args):
    bad = []
    relocations = tool("readelf", "-rW", args.library)
    for name in ("DTPMOD64", "DTPOFF64", "TLSDESC"):
        if name in relocations:
            bad.append(f"relocation R_X86_64_{name}: thread-local storage is not initial-exec")
    if any(n == "__tls_get_addr" for n, *_ in undefined(args.library)):
        bad.append("calls __tls_get_addr, which may allocate")
    sizes = re.findall(r"^\s*TLS\s+\S+\s+\S+\s+\S+\s+\S+\s+(0x[0-9a-f]+)",
                       tool("readelf", "-lW", args.library), re.M)
    size = int(sizes[0], 16) if sizes else 0
    if size > TLS_BYTES_MAX:
        bad.append(f"{size} bytes of thread-local storage, {TLS_BYTES_MAX} are allowed")
    return bad, f"{size} bytes of thread-local storage"


def check_undefined(args):
    symbols = undefined(args.library)
    bad = []
    for name, version, weak in symbols:
        cxx = name.startswith(("_Z", "__cxa_", "__gxx", "_Unwind"))
        from_libc = version is not None and version.startswith("GLIBC_")
        if cxx and not from_libc and not weak:
            bad.append(f"needs {name} of the C++ runtime: it may only be weak")
        elif version is None and not weak and name not in defined(args.library):
            bad.append(f"undefined without a version: {name}")
    return bad, f"{len(symbols)} imports, {sum(w for *_, w in symbols)} weak"


def check_versions(args):
    bad, newest = [], (0, 0)
    for name, version, weak in undefined(args.library):
        match = re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", version or "")
        if not match:
            if version and version.startswith("GLIBC_"):
                bad.append(f"{name}@{version}: not a public version of glibc")
            continue
        number = (int(match[1]), int(match[2]))
        newest = max(newest, number)
        if number > GLIBC_MAX:
            bad.append(f"{name}@{version}: newer than 2.36, programs of Debian 12 would not start")
        elif number > GLIBC_STRONG_MAX and not weak:
            bad.append(f"{name}@{version}: newer than 2.34, may only be weak")
    return bad, f"newest {newest[0]}.{newest[1]}"


def check_calloc(args):
    """gcc turns malloc and memset into calloc; inside calloc that never ends."""
    bad = []
    place = re.search(r"^(\w+) (\w+) \w calloc$", tool("nm", "-D", "-S", args.library), re.M)
    if not place:
        return ["calloc is not exported"], ""
    start, size = (int(number, 16) for number in place.groups())
    code = tool("objdump", "-dw", "--no-show-raw-insn", f"--start-address={start}",
                f"--stop-address={start + size}", args.library)
    body = re.findall(r"^\s+[0-9a-f]+:.*$", code, re.M)
    if not body:
        bad.append("no code for calloc found")
    bad += [f"calloc calls calloc: {line.strip()}" for line in body
            if re.search(r"\bcall\b.*<(\w+_)?calloc(@\w+)?>", line)]
    slots = {}
    for line in tool("readelf", "-rW", args.library).splitlines():
        if re.search(r"JUMP_SLOT?\s.*\s(malloc|calloc|realloc)(@\S+)? \+ 0", line):
            bad.append(f"the library calls an allocation function by name: {line.strip()}")
        match = re.match(r"0*([0-9a-f]+)\s.*GLOB_DAT\s.*\s(malloc|calloc|realloc)(@\S+)? \+ 0", line)
        if match:
            slots[match[1]] = match[2]
    # Their addresses may be looked at, but not called.
    for line in tool("objdump", "-dw", "--no-show-raw-insn", args.library).splitlines():
        match = re.search(r"\b(?:call|jmp)\s+\*.*# ([0-9a-f]+)", line)
        if match and match[1] in slots:
            bad.append(f"the library calls {slots[match[1]]} by name: {line.strip()}")
    return bad, f"{len(body)} instructions"


def check_flags(args):
    text = tool("readelf", "-dW", args.library)
    flags = set(" ".join(re.findall(r"\(FLAGS(?:_1)?\)\s+(.*)", text)).replace("Flags:", "").split())
    bad = [f"the flag {f} is missing" for f in ("BIND_NOW", "NOW", "INITFIRST", "NODELETE")
           if f not in flags]
    bad += [f"the flag {f} is set" for f in ("TEXTREL",) if f in flags]
    return bad, " ".join(sorted(flags))


def check_init(args):
    """One constructor of ours; gcc's own frame_dummy is not counted."""
    sections = tool("readelf", "-SW", args.library)
    match = re.search(r"\.init_array\s+INIT_ARRAY\s+([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)", sections)
    if not match:
        return [], "no constructor"
    start, size = int(match[1], 16), int(match[2], 16)
    names = {}
    for line in tool("nm", args.library).splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[1] in "tT":
            names.setdefault(int(fields[0], 16), fields[2])
    found = []
    for line in tool("readelf", "-rW", args.library).splitlines():
        hit = re.match(r"([0-9a-f]+)\s+\S+\s+R_X86_64_RELATIVE\s+([0-9a-f]+)", line)
        if hit and start <= int(hit[1], 16) < start + size:
            found.append(names.get(int(hit[2], 16), hit[2]))
    ours = [n for n in found if n != "frame_dummy"]
    bad = [] if len(ours) <= 1 else [f"{len(ours)} constructors, 1 is allowed: {' '.join(ours)}"]
    return bad, f"{len(ours)} constructor: {' '.join(ours)}"


def check_segments(args):
    bad, count = [], 0
    for line in tool("readelf", "-lW", args.library).splitlines():
        match = re.match(r"\s*(LOAD|GNU_STACK)\s.*\s([R ][W ][E ])\s+0x", line)
        if match:
            count += 1
            if "W" in match[2] and "E" in match[2]:
                bad.append(f"writable and executable: {line.strip()}")
    if not count:
        bad.append("no segment found")
    return bad, f"{count} segments, none writable and executable"


def main():
    checks = {n[6:]: f for n, f in globals().items() if n.startswith("check_")}
    parser = argparse.ArgumentParser()
    parser.add_argument("check", choices=sorted(checks))
    parser.add_argument("library")
    parser.add_argument("--entries", type=pathlib.Path, default=ROOT / "preload/entry_points.def")
    parser.add_argument("--map", type=pathlib.Path, default=ROOT / "preload/exports.map")
    parser.add_argument("--left-out", type=pathlib.Path, default=ROOT / ".ci/left_out_symbols.txt")
    parser.add_argument("--libc", default="/lib/x86_64-linux-gnu/libc.so.6")
    args = parser.parse_args()
    bad, figures = checks[args.check](args)
    print("\n".join(bad) if bad else figures)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
