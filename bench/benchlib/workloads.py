"""The table of workloads. A row is all that it takes to add one (see bench/README.md)."""

from dataclasses import dataclass, field
from pathlib import Path

REAL = Path(__file__).resolve().parent.parent / "real"


@dataclass(frozen=True)
class Workload:
    name: str
    group: str  # "micro" or "real": each has its own geometric mean
    command: tuple  # command[0] is an absolute path; fixed work, 0.5 to 2 s under jemalloc
    smoke: tuple  # the same program with next to no work
    what: str  # one line for --list: what it stresses
    package: str = ""  # the Debian package of the program, if it is not built here
    env: dict = field(default_factory=dict)  # beside the clean environment of every run


MICRO = {
    "pair": "malloc and free of one 64 B block: the fast paths alone",
    "slots": "10,000 random slots, power-law sizes",
    "larson": "a server: 2 threads, random lifetimes, blocks that outlive and cross threads",
    "prodcons": "one thread allocates, the other frees",
    "sites": "10,000 call sites with up to 4 live blocks each",
    "large": "32 KiB to 8 MiB blocks, growing reallocs",
    "containers": "C++ maps, hash maps, strings, vectors",
    "batches": "batches of small blocks, freed FIFO, LIFO and mixed",
}


def micro(build):
    for name, what in MICRO.items():
        program = str(build / "bench" / name)
        yield Workload(name, "micro", (program,), (program, "--smoke"), what)


def real():
    def script(name):
        return str(REAL / name)

    python = ("/usr/bin/python3", "-B", script("objects.py"))
    yield Workload(
        "python",
        "real",
        (*python, "20"),
        (*python, "1"),
        "objects and JSON, PYTHONMALLOC=malloc",
        "python3",
        {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"},
    )
    perl = ("/usr/bin/perl", script("hashes.pl"))
    yield Workload(
        "perl",
        "real",
        (*perl, "30"),
        (*perl, "1"),
        "hashes of arrays of strings",
        "perl",
        {"PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0"},
    )
    lua = ("/usr/bin/lua5.4", script("tables.lua"))
    yield Workload(
        "lua", "real", (*lua, "32"), (*lua, "1"), "tables, closures, strings", "lua5.4"
    )

    def sqlite(rows):
        return (
            "/usr/bin/sqlite3",
            "-batch",
            "-cmd",
            f".parameter set :n {rows}",
            ":memory:",
            f".read {script('queries.sql')}",
        )

    yield Workload(
        "sqlite",
        "real",
        sqlite(200_000),
        sqlite(2_000),
        "a database in memory: inserts, indices, joins",
        "sqlite3",
    )
    gxx = ("/usr/bin/g++", "-std=c++20", "-O0", "-S", "-o", "-", script("headers.cc"))
    yield Workload(
        "g++",
        "real",
        gxx,
        (*gxx, "-DSMOKE"),
        "compiles several large standard headers (cc1plus)",
        "g++",
    )


def all_workloads(build):
    return [*micro(build), *real()]
