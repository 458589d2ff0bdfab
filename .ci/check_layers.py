#!/usr/bin/env python3
"""Fails when an #include points up the layer table or names a banned header.

usage: check_layers.py ROOT TABLE

Three rules, all of them about core/ and preload/ (what runs inside other people's programs):
an include follows the table; a standard header is on the list of those that cannot allocate;
a system header appears in core/os and preload/ only. A folder of core/ that the table does not
name fails, and so does a table row without a folder.
"""
import pathlib
import re
import sys

PUBLIC = "preload/include/"  # found by users, wherever they put it
NO_ALLOC = ("core/", "preload/")
SYSTEM_HEADERS_IN = ("core/os/", "preload/")
ALLOWED_STD = set(
    "array atomic bit bitset climits compare concepts cstddef cstdint cstring initializer_list "
    "iterator limits new optional span string_view type_traits utility version".split()
)
# The C spellings of the same, and headers that only define types and constants.
ALLOWED_C = set("stddef.h stdint.h string.h limits.h stdarg.h elf.h link.h".split())
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
SOURCES = {".h", ".c", ".cc", ".def"}
SKIPPED = {"build", ".build", ".git"}


def read_table(path):
    layers = {}
    for line in path.read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            name, deps = line.split(":")
            layers[name.strip()] = deps.split()
    return layers


def layer_of(path, layers):
    return max((n for n in layers if path.startswith(n + "/")), key=len, default=None)


def check_table(root, layers):
    bad = []
    for folder in sorted(p for p in (root / "core").glob("*") if p.is_dir()):
        if f"core/{folder.name}" not in layers and any(folder.rglob("*.*")):
            bad.append(f"core/{folder.name}: not in the layer table")
    for name, deps in layers.items():
        for dep in deps:
            if dep != "core/*" and dep not in layers:
                bad.append(f"layer table: {name} names {dep}, which has no row")
            elif dep in layers and list(layers).index(dep) > list(layers).index(name):
                bad.append(f"layer table: {name} may not stand above {dep}: bottom-up order")
    return bad


def check_file(rel, text, layers):
    own = layer_of(rel, layers)
    if own is None or rel.startswith(PUBLIC):
        return []
    bad = []
    for bracket, header in INCLUDE.findall(text):
        if bracket == '"':
            target = layer_of(header, layers)
            allowed = layers[own]
            wild = "core/*" in allowed and header.startswith("core/")
            if target is None and rel.startswith(NO_ALLOC):
                bad.append(f'{rel}: "{header}" is not written from the repository root')
            elif target is not None and target not in (own, *allowed) and not wild:
                bad.append(f'{rel}: layer {own} may not include "{header}"')
        elif rel.startswith(NO_ALLOC):
            if "." not in header and "/" not in header:
                if header not in ALLOWED_STD:
                    bad.append(f"{rel}: <{header}> is not on the no-allocation list")
            elif header not in ALLOWED_C and not rel.startswith(SYSTEM_HEADERS_IN):
                bad.append(f"{rel}: system header <{header}> outside core/os and preload")
    return bad


def check(root, table):
    layers = read_table(table)
    bad = check_table(root, layers)
    count = 0
    for file in sorted(p for p in root.rglob("*") if p.suffix in SOURCES):
        rel = file.relative_to(root).as_posix()
        if rel.split("/")[0] in SKIPPED:
            continue
        count += 1
        bad += check_file(rel, file.read_text(), layers)
    return bad, count


def main():
    root, table = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    if not table.exists():
        print(f"{table}: the layer table is missing")
        return 1
    bad, count = check(root, table)
    print("\n".join(bad) or f"{count} files")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
