"""Valgrind memcheck as the oracle for exact totals.

Valgrind changes the environment of its client (LD_PRELOAD, GLIBCXX_FORCE_NEW and more), and programs
that copy their environment allocate for each variable. So the client's environment is asked for
first, and the preloaded run gets the very same variables in the same order; the value of
LD_PRELOAD has the same length: empty elements, which the loader skips, fill it up.
"""
import os
import pathlib
import re
import subprocess
import tempfile

import runner

TOTALS = ("allocations", "frees", "allocated_bytes", "live_blocks", "live_bytes")


def client_environment(env):
    """The environment that a program gets under Valgrind when Valgrind itself gets `env`."""
    out = subprocess.run(["/usr/bin/valgrind", "-q", "/usr/bin/env", "-0"], env=env, check=True,
                         capture_output=True).stdout.decode()
    return dict(item.split("=", 1) for item in out.split("\0") if item)


def preload_of_length(length):
    """A value for LD_PRELOAD that names the library and has just this many characters."""
    path = str(runner.LIBRARY)
    if len(path) > length:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="l.", dir="/tmp"))
        path = str(folder / runner.LIBRARY.name)
        os.symlink(runner.LIBRARY, path)
    assert len(path) <= length, f"{path} is longer than {length} characters"
    return ":" * (length - len(path)) + path


def parse_log(text):
    usage = re.search(r"total heap usage: ([\d,]+) allocs, ([\d,]+) frees, ([\d,]+) bytes", text)
    left = re.search(r"in use at exit: ([\d,]+) bytes in ([\d,]+) blocks", text)
    assert usage and left, text
    number = lambda s: int(s.replace(",", ""))
    return dict(zip(TOTALS, (number(usage[1]), number(usage[2]), number(usage[3]),
                             number(left[2]), number(left[1]))))


def totals_of_both(argv, *, env=None, stdin=None, cwd=None):
    """Runs `argv` under memcheck and preloaded; returns (memcheck's totals, the JSON report)."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="exact."))
    environment = runner.base_environment() | (env or {})
    environment |= {"HEAPTAG_REPORT": str(folder / "r.json"), "HEAPTAG_FORMAT": "json"}
    seen = client_environment(environment)

    log = folder / "valgrind.log"
    under = subprocess.run(["/usr/bin/valgrind", f"--log-file={log}", *argv], env=environment,
                           input=stdin or b"", cwd=cwd, capture_output=True, timeout=120,
                           check=False)
    seen["LD_PRELOAD"] = preload_of_length(len(seen["LD_PRELOAD"]))
    # As the shell script that starts Valgrind does.
    seen["PWD"] = str(cwd or os.getcwd())
    done = runner.run(argv, exact_env=seen, stdin=stdin, cwd=cwd)
    assert (done.status, done.stdout_bytes) == (under.returncode, under.stdout), done.stderr
    assert done.stderr == under.stderr.decode(), done.stderr
    return parse_log(log.read_text()), runner.Report.read(folder / "r.json")
