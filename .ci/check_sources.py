#!/usr/bin/env python3
"""Habits of the sources that a script can see.

usage: check_sources.py lengths|readmes|options ROOT
"""
import pathlib
import re
import sys

FOLDERS = ("core", "preload", "tools", "tests", "bench")
HEADER_LINES, SOURCE_LINES, LINES_MAX = 250, 500, 700
SUFFIXES = {".h", ".c", ".cc", ".py", ".def", ""}


def check_lengths(root):
    bad, long = [], []
    for folder in (*FOLDERS, ".ci"):
        for file in sorted((root / folder).rglob("*")):
            if not file.is_file() or file.suffix not in SUFFIXES or "data" in file.parts:
                continue
            try:
                lines = len(file.read_text().splitlines())
            except UnicodeDecodeError:
                continue
            rel = file.relative_to(root)
            if lines > LINES_MAX:
                bad.append(f"{rel}: {lines} lines, {LINES_MAX} is the end")
            elif lines > (HEADER_LINES if file.suffix == ".h" else SOURCE_LINES):
                long.append(f"{rel} ({lines})")
    return bad, "long: " + ", ".join(long) if long else "none too long"


def check_readmes(root):
    wanted = [root / "README.md", *(root / f / "README.md" for f in FOLDERS)]
    bad = [f"{w.relative_to(root)} is missing" for w in wanted if not w.is_file()]
    return bad, f"{len(wanted)} present"


def check_options(root):
    for name in ("core/config/options.def", "README.md"):
        if not (root / name).is_file():
            return [f"{name} is missing"], ""
    table = (root / "core/config/options.def").read_text()
    names = set(re.findall(r"^\s*HEAPTAG_OPTION\w*\(\s*\"?(\w+)", table, re.M))
    names = {n if n.startswith("HEAPTAG_") else f"HEAPTAG_{n}" for n in names}
    readme = (root / "README.md").read_text()
    rows = set(re.findall(r"^\|\s*`(HEAPTAG_[A-Z0-9_]+)", readme, re.M))
    bad = [] if names else ["core/config/options.def: no HEAPTAG_OPTION lines"]
    bad += [f"README.md has no row for {n}" for n in sorted(names - rows)]
    bad += [f"README.md has a row for {n}, which is no option" for n in sorted(rows - names)]
    return bad, f"{len(names)} options"


def main():
    check = globals()["check_" + sys.argv[1]]
    bad, figures = check(pathlib.Path(sys.argv[2]))
    print("\n".join(bad) if bad else figures)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
