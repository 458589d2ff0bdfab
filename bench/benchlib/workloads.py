"""The table of workloads. A row is all that it takes to add one (see bench/README.md)."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from benchlib.inputs import Inputs, redis_commands, smt_problem

REAL = Path(__file__).resolve().parent.parent / "real"
GROUPS = ("micro", "threads", "real")  # each has its own geometric mean
THREADS = (1, 2, 4)


@dataclass(frozen=True)
class Workload:
    name: str
    group: str
    command: tuple  # command[0] is an absolute path; fixed work, 0.5 to 3 s under jemalloc
    smoke: tuple  # the same program with next to no work
    what: str  # one line for --list: what it stresses
    package: str = ""  # the Debian package of `program`, if it is not built here
    env: dict = field(default_factory=dict)  # beside the clean environment of every run
    family: str = ""  # one more name for --only: larson for larson-1, larson-2 and larson-4
    programs: tuple = ()  # what must be there beside command[0]
    links: str = ""  # an allocator that the program is linked with, so that it is always mapped
    inputs: Inputs | None = None

    def names(self):
        return {self.name, self.group, self.family or self.name}

    def missing(self):
        """The first program that is not there, or None."""
        needed = (self.command[0], *self.programs)
        return next((p for p in needed if not os.access(p, os.X_OK)), None)

    def prepare(self, smoke):
        if self.inputs:
            self.inputs.make((*self.smoke, *(() if smoke else self.command)))


MICRO = {
    "pair": "malloc and free of one 64 B block: the fast paths alone",
    "slots": "10,000 random slots, power-law sizes",
    "sites": "10,000 call sites with up to 4 live blocks each",
    "onesite": "one call site that asks for every size",
    "large": "32 KiB to 8 MiB blocks, growing reallocs",
    "growth": "512 buffers that grow by realloc side by side, three habits",
    "containers": "C++ maps, hash maps, strings, vectors",
    "batches": "batches of small blocks, freed FIFO, LIFO and mixed",
    "sh6bench": "batches of 1 to 1,000 B, freed in every order, a tenth kept for long",
    "cfrac": "factors numbers: very small, very short-lived blocks",
    "espresso": "minimises logic: short-lived records and lists of mixed small sizes",
    "startup": "/bin/true by fork and exec: what start and exit cost",
}
THREADED = {
    "larson": "a server: random lifetimes, blocks that outlive and cross threads",
    "xmalloc": "producers and as many consumers at one shared list",
    "rptest": "random slots, power-law sizes, one block in eight freed by a neighbour",
    "mstress": "mixed lifetimes and sizes, blocks that migrate, threads that end",
    "sh8bench": "sh6bench with threads: half of each batch is freed by another one",
    "mleak": "thousands of threads that allocate a little and end",
    "cache-thrash": "active false sharing: each thread writes to blocks of its own",
    "cache-scratch": "passive false sharing: each begins with a block of its neighbours",
}


def micro(build):
    for name, what in MICRO.items():
        program = str(build / "bench" / name)
        yield Workload(name, "micro", (program,), (program, "--smoke"), what)


def threaded(build):
    program = str(build / "bench" / "prodcons")
    what = "one thread allocates, the other frees"
    yield Workload("prodcons", "threads", (program,), (program, "--smoke"), what)
    for name, what in THREADED.items():
        program = str(build / "bench" / name)
        for count in THREADS:
            command = (program, str(count))
            yield Workload(
                f"{name}-{count}",
                "threads",
                command,
                (*command, "--smoke"),
                what if count == THREADS[0] else f"{name} with {count} threads",
                family=name,
            )


def real(build):
    inputs = Inputs(build)

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
    clang = ("/usr/bin/clang", "-x", "c++", "-std=c++17", "-O0", "-S", "-o", "-")
    yield Workload(
        "clang",
        "real",
        (*clang, script("headers.cc")),
        (*clang, "-DSMOKE", script("headers.cc")),
        "the same headers, in one process",
        "clang",
    )

    def z3(jobs, rounds):
        name = f"problem-{jobs}-{rounds}.smt2"
        return ("/usr/bin/z3", inputs.text(name, smt_problem, jobs, rounds))

    yield Workload(
        "z3",
        "real",
        z3(7, 16),
        z3(3, 1),
        "a solver: scheduling, a pigeonhole, factors in bits",
        "z3",
        inputs=inputs,
    )

    def gs(pages):
        paper = ("-sDEVICE=bit", "-r100", f"-dPAGES={pages}", "-sOutputFile=-")
        return ("/usr/bin/gs", "-q", "-dSAFER", "-dBATCH", *paper, "-dNOPAUSE", script("page.ps"))

    yield Workload(
        "ghostscript", "real", gs(100), gs(1), "renders pages of text and curves", "ghostscript"
    )

    def redis(requests, commands):
        path = inputs.text(f"redis-{commands}.txt", redis_commands, commands)
        return ("/bin/sh", script("redis.sh"), str(requests), path)

    yield Workload(
        "redis",
        "real",
        redis(50_000, 200_000),
        redis(100, 500),
        "a server under load; its own time and memory, not those of its clients",
        "redis-server redis-tools",
        programs=("/usr/bin/redis-server", "/usr/bin/redis-benchmark"),
        links="jemalloc",
        inputs=inputs,
    )
    history = ("/bin/sh", script("history.sh"), inputs.repository("history.git"))
    yield Workload(
        "git",
        "real",
        (*history, "400"),
        (*history, "5"),
        "log, blame and a new pack of a repository of 400 commits",
        "git",
        {"GIT_CONFIG_NOSYSTEM": "1"},
        programs=("/usr/bin/git",),
        inputs=inputs,
    )


def all_workloads(build):
    return [*micro(build), *threaded(build), *real(build)]
