"""Areas as the harness sees them: programs with cases, and the registry's file.

Each run has a name space, and so a registry, of its own: runs beside each other never meet.
"""
import itertools
import os
import pathlib
import re
import struct

import pytest

from runner import LIBRARY, ROOT, program, run

AREAS = LIBRARY.with_name("libheaptag-areas.so")
FAULTS = pathlib.Path(program("areas_faults.so"))
FOLDER = pathlib.Path("/dev/shm")
SKIPPED = 77

# core/wire/areas_registry.h
HEADER = struct.Struct("<QII48x64xiIIIIIQi")
AREA = struct.Struct("<IiiIQQQQQiIII32s24x")
OBJECT = struct.Struct("<QQIiIIQQQQ")
MAX_AREAS, AREAS_AT = 16384, 4096
OBJECTS_AT = AREAS_AT + MAX_AREAS * AREA.size
FILE_BYTES = OBJECTS_AT + MAX_AREAS * OBJECT.size
NEXT_ID_AT = 128

numbers = itertools.count()


class Registry:
    """The registry of one name space."""

    def __init__(self):
        self.name = f"t{os.getpid()}-{next(numbers)}"
        self.path = FOLDER / f"heaptag-areas-{os.getuid()}-{self.name}"

    @property
    def environment(self):
        return {"HEAPTAG_AREAS_NAMESPACE": self.name}

    def header(self):
        names = ("magic", "version", "capacity", "next_id", "areas_end", "objects_end",
                 "areas_backed", "objects_backed", "changes", "recoveries", "making_file")
        return dict(zip(names, HEADER.unpack_from(self.path.read_bytes())))

    def records(self):
        data = self.path.read_bytes()
        areas = [AREA.unpack_from(data, AREAS_AT + i * AREA.size) for i in range(MAX_AREAS)]
        objects = [OBJECT.unpack_from(data, OBJECTS_AT + i * OBJECT.size)
                   for i in range(MAX_AREAS)]
        return [a for a in areas if a[0]], [o for o in objects if o[0]]

    def patch(self, offset, data):
        with open(self.path, "r+b") as file:
            file.seek(offset)
            file.write(data)

    def others(self):
        """Files of areas that outlive their process."""
        return sorted(FOLDER.glob(f"heaptag-area-{os.getuid()}-{self.name}.*"))

    def sweep(self):
        """What the next caller does with records of the dead."""
        self.case("lookup", "works").ok()

    def check_empty(self):
        """Nothing is left behind: no record, no file but the registry's own."""
        self.sweep()
        areas, objects = self.records()
        assert (areas, objects, self.others()) == ([], [], [])
        header = self.header()
        assert (header["areas_end"], header["objects_end"], header["making_file"]) == (0, 0, 0)

    def remove(self):
        others = FOLDER.glob(f"heaptag-areas-*-{self.name}")  # of K11's other user, too
        for path in (self.path, *others, *self.others()):
            path.unlink(missing_ok=True)

    def case(self, name, case, *, env=None, preload=False, **options):
        return run([program(f"areas_{name}"), case], preload=preload,
                   env={**self.environment, **(env or {})}, **options)

    def hold(self, name, case, *, env=None, **options):
        """Runs a case, or skips the test with the reason that it gives."""
        done = self.case(name, case, env=env, **options)
        if done.status == SKIPPED:
            pytest.skip(done.stdout.strip())
        return done.ok()


def cases_of(name):
    """The cases of a program; those with a dash need preparation."""
    try:
        done = run([program(f"areas_{name}"), "list"], preload=False)
    except FileNotFoundError:  # not built: conftest says so
        return []
    return [case for case in done.stdout.split() if not case.startswith("-")]


def faults():
    text = (ROOT / "core/areas/faults.def").read_text()
    return re.findall(r"^HEAPTAG_FAULT\((\w+)\)", text, re.M)
