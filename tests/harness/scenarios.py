"""Scenarios: bash scripts in tests/real/, one for each real program, and how they are run.

A scenario starts with comments that say what it is:

    # redis-server: requests of redis-benchmark, an RDB file, an AOF
    # packages: redis-server redis-tools      Debian packages, which tests/run installs
    # programs: redis-server redis-benchmark  that must be seen to run under the library
    # normalise: times rates                  kinds of normalise.py; without it: to the byte
    # status: 0                               exit status that is expected
    # children: off                           HEAPTAG_CHILDREN in the run with reports; default: report
    # slow                                    more than a few seconds: not with tests/run --quick
    # long                                    only with tests/run --long: big packages, or takes long

It runs in an empty folder of its own, with a free port of the loopback in $PORT and $REAL naming
tests/real. Standard output, standard error and what it leaves in out/ are compared; home/ and tmp/
are not. NAME.prepare, if there is one, fills the folder once for all runs, without the library.
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import time
import uuid

from normalise import normalise
from runner import ROOT, run

REAL = ROOT / "tests/real"
HEADER = re.compile(r"^# (packages|programs|normalise|status|children): *(.*)$|^# (slow|long)$", re.M)
MARK = "TEST_SCENARIO"


class Scenario:
    def __init__(self, path):
        self.path, self.name = path, path.stem
        self.prepare = path.with_suffix(".prepare")
        fields = {m[1] or m[3]: m[2] or "" for m in HEADER.finditer(path.read_text())}
        self.packages = fields.get("packages", "").split()
        self.programs = fields.get("programs", "").split()
        self.kinds = fields.get("normalise", "").split()
        self.children = fields.get("children", "report")
        self.status = int(fields.get("status", 0))
        self.slow, self.long = "slow" in fields, "long" in fields

    def run(self, folder, prepared=None, **options):
        """Runs it in `folder`, which has to be empty, and gives its Outcome. Nothing that it has
        started is left behind."""
        if prepared:
            shutil.copytree(prepared, folder, symlinks=True, dirs_exist_ok=True)
        port = str(free_port())
        done = self.run_script(self.path, folder, {"PORT": port, **options.pop("env", {})}, **options)
        return Outcome(self, done, folder, [port])

    def run_prepare(self, folder):
        return self.run_script(self.prepare, folder, {}, preload=False)

    def run_script(self, script, folder, env, **options):
        mark = uuid.uuid4().hex
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "REAL": str(REAL), MARK: mark, **env}
        try:
            done = run(["/bin/bash", script], cwd=folder, env=env, timeout=300, **options)
        finally:
            left = end_all(mark)
        assert not left, f"{self.name} left processes behind: {left}"
        return done


class Outcome:
    """What two runs must have in common."""

    def __init__(self, scenario, done, folder, ports):
        def clean(data):
            return normalise(data, scenario.kinds, ports)

        self.run = done
        self.verdict = (done.status, done.signal)
        self.stdout, self.stderr = clean(done.stdout_bytes), clean(done.stderr_bytes)
        out = folder / "out"
        self.files = {str(p.relative_to(out)): clean(p.read_bytes())
                      for p in sorted(out.rglob("*")) if p.is_file()}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def marked(mark):
    """Processes that have `mark` in their environment: {pid: command line}."""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if mark.encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
    return found


def end_all(mark, patience=5.0):
    """Waits for the processes of a scenario to end; kills those that do not, and names them."""
    until = time.monotonic() + patience
    while (left := marked(mark)) and time.monotonic() < until:
        time.sleep(0.02)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return left


def all_scenarios():
    """Those that are to run; TEST_LONG is what tests/run --long sets."""
    scenarios = [Scenario(path) for path in sorted(REAL.glob("*.sh")) if path.name != "common.sh"]
    return [one for one in scenarios if not one.long or os.environ.get("TEST_LONG")]
