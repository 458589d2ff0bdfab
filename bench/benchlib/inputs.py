"""Inputs of the real programs that are too large to keep: made once per build directory, the same
on every machine, before anything is measured."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

COMMITS = 400
FILES = 24


class Draw:
    """Small numbers from a seed, without Python's own generator: it may change."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % bound


def schedule(draw, jobs):
    """Jobs that need four machines one after the other: real arithmetic and choices."""
    length = [[1 + draw.below(9) for _ in range(4)] for _ in range(jobs)]
    for j in range(jobs):
        for m in range(4):
            start = f"s{j}_{m}"
            yield f"(declare-const {start} Real)(assert (>= {start} 0))"
            yield f"(assert (<= (+ {start} {length[j][m]}) {jobs * 6 + 20}))"
            if m > 0:
                yield f"(assert (>= {start} (+ s{j}_{m - 1} {length[j][m - 1]})))"
            for k in range(j):
                first, second = f"(+ {start} {length[j][m]})", f"(+ s{k}_{m} {length[k][m]})"
                yield f"(assert (or (>= {start} {second}) (>= s{k}_{m} {first})))"


def pigeonhole(holes):
    """One pigeon too many: there is no place for all, and it takes a search to know."""
    pigeons = range(holes + 1)
    for p in pigeons:
        yield "".join(f"(declare-const p{p}_{h} Bool)" for h in range(holes))
        yield f"(assert (or {' '.join(f'p{p}_{h}' for h in range(holes))}))"
    for h in range(holes):
        for p in pigeons:
            for q in range(p):
                yield f"(assert (not (and p{p}_{h} p{q}_{h})))"


def factors(product, bits):
    """Two numbers of so many bits whose product is this one."""
    for name in ("x", "y"):
        yield f"(declare-const {name} (_ BitVec {bits}))"
        yield f"(assert (bvult (_ bv1 {bits}) {name}))(assert (bvult {name} (_ bv200 {bits})))"
    yield f"(assert (= (bvmul x y) (_ bv{product} {bits})))"


def smt_problem(jobs, rounds):
    draw = Draw(7)
    lines = ["(set-option :smt.random_seed 1)", "(set-logic ALL)"]
    for turn in range(rounds):
        product = (101, 103, 107, 109)[turn % 4] * (113, 127, 131)[turn % 3]
        for problem in (schedule(draw, jobs), pigeonhole(min(jobs, 7)), factors(product, 20)):
            lines += ["(push)", *problem, "(check-sat)", "(pop)"]
    return "\n".join(lines) + "\n"


def redis_commands(count):
    """Strings, counters, lists, sets, hashes and sorted sets that come, grow, and go."""
    draw = Draw(11)
    out = []
    for number in range(count):
        key = draw.below(max(count // 8, 4))
        value = f"{number:x}" * (1 + draw.below(12))
        match draw.below(10):
            case 0 | 1:
                words = ["SET", f"string:{key}", value]
            case 2:
                words = ["APPEND", f"string:{key}", value]
            case 3:
                words = ["RPUSH", f"list:{key % 97}", value, value[:3]]
            case 4:
                words = ["LPOP", f"list:{key % 97}"]
            case 5:
                words = ["SADD", f"set:{key % 301}", value]
            case 6 | 7:
                words = ["HSET", f"hash:{key % 509}", f"field:{draw.below(200)}", value]
            case 8:
                words = ["ZADD", f"sorted:{key % 97}", str(draw.below(10_000)), value]
            case _:
                words = ["DEL", f"string:{key}", f"hash:{draw.below(509)}"]
        out.append(f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words))
    return "".join(out)


def history():
    """A stream for git fast-import: FILES texts that COMMITS commits change line by line."""
    draw = Draw(13)

    def line():
        return f"{draw.below(2**31):x} {draw.below(50) * 'word '}{draw.below(1000)}"

    texts = [[line() for _ in range(200)] for _ in range(FILES)]
    for number in range(COMMITS):
        changed = range(FILES) if number == 0 else {draw.below(FILES) for _ in range(3)}
        yield (
            "commit refs/heads/main\n"
            f"committer Writer {number % 7} <w@example.org> {1_600_000_000 + number * 3600} +0000\n"
        )
        message = f"change {number}\n"
        yield f"data {len(message)}\n{message}"
        for at in sorted(changed):
            text = texts[at]
            for _ in range(1 + draw.below(6)):
                where = draw.below(len(text))
                text[where : where + draw.below(3)] = [line() for _ in range(draw.below(4))]
            body = "\n".join(text) + "\n"
            yield f"M 100644 inline file-{at:02}.txt\ndata {len(body)}\n{body}\n"


def repository(path):
    clean = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    git = ["/usr/bin/git", "--git-dir", str(path)]
    quiet = {"env": clean, "check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([*git, "init", "--quiet", "--bare", "--initial-branch=main"], **quiet)
    stream = "".join(history()).encode()
    subprocess.run([*git, "fast-import", "--quiet"], input=stream, **quiet)


class Inputs:
    """Paths of inputs, which make() creates where they are missing."""

    def __init__(self, build):
        self.directory = build / "bench" / "inputs"
        self.makers = {}

    def text(self, name, write, *arguments):
        """The path of a file that write(*arguments) returns the text of."""
        path = self.directory / name
        self.makers[str(path)] = lambda to: to.write_text(write(*arguments))
        return str(path)

    def repository(self, name):
        path = self.directory / name
        self.makers[str(path)] = repository
        return str(path)

    def make(self, words):
        """Creates those inputs that are among the words of a command."""
        for word in words:
            if word not in self.makers:
                continue
            path = Path(word)
            source = Path(__file__).stat().st_mtime
            if path.exists() and path.stat().st_mtime >= source:
                continue
            self.directory.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.directory) as scratch:
                new = Path(scratch) / "new"
                self.makers[word](new)
                if path.is_dir():
                    shutil.rmtree(path)
                os.replace(new, path)
