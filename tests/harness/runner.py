"""Runs programs with the library preloaded and gives back all that can be seen from outside."""
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TEST_BUILD", ROOT / "build"))
# Another allocator in its place tries the harness itself: TEST_LIBRARY=/usr/lib/…/libjemalloc.so.2
LIBRARY = pathlib.Path(os.environ.get("TEST_LIBRARY", BUILD / "libheaptag.so"))
DEBUG_LIBRARY = ROOT / ".build/debug/libheaptag.so"
COMMAND = BUILD / "heaptag"
PROGRAMS = BUILD / "tests/programs"
IS_HEAPTAG = LIBRARY.name == "libheaptag.so"

SUMMED = ("allocations", "frees", "live_blocks", "live_bytes", "usable_bytes", "allocated_bytes",
          "failed")
FIGURES = ("allocations", "frees", "live_blocks", "live_bytes", "allocated_bytes")


def program(name):
    return str(PROGRAMS / name)


def base_environment():
    """A small environment of our own: nothing of the caller's leaks into what is measured."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8",
            "TZ": "UTC"}


class Run:
    """What a program did: `status` is its exit status, or None when `signal` killed it."""

    def __init__(self, argv, returncode, stdout, stderr, report_paths):
        self.argv = argv
        self.status = returncode if returncode >= 0 else None
        self.signal = signal.Signals(-returncode) if returncode < 0 else None
        self.stdout_bytes, self.stderr_bytes = stdout, stderr
        self.report_paths = report_paths

    @property
    def stdout(self):
        return self.stdout_bytes.decode("utf-8", "replace")

    @property
    def stderr(self):
        return self.stderr_bytes.decode("utf-8", "replace")

    @property
    def outcome(self):
        return {"status": self.status, "signal": self.signal, "stdout": self.stdout_bytes,
                "stderr": self.stderr_bytes}

    @property
    def report(self):
        assert len(self.report_paths) == 1, f"one report expected, not {self.report_paths}"
        return Report.read(self.report_paths[0])

    def ok(self):
        """Fails with all that is known unless the program ended with status 0 and said nothing."""
        assert (self.status, self.signal, self.stderr) == (0, None, ""), (
            f"{self.argv}: status {self.status}, signal {self.signal}\n{self.stdout[-2000:]}\n"
            f"{self.stderr[-4000:]}")
        return self


class Report(dict):
    """A parsed JSON report; whatever reads one also checks that its sums hold."""

    @classmethod
    def read(cls, path):
        with open(path, encoding="utf-8") as file:
            report = cls(json.load(file))
        report.check_sums()
        return report

    @property
    def totals(self):
        return self["totals"]

    def sites(self):
        return [site for tag in self["tags"] for site in tag["sites"]]

    def check_sums(self):
        for key in SUMMED:
            total = sum(tag[key] for tag in self["tags"])
            assert total == self.totals[key], f"tags add up to {total} {key}: {self.totals[key]}"
        for tag in self["tags"]:
            for key in SUMMED:
                total = sum(site[key] for site in tag["sites"])
                assert total == tag[key], f"sites of {tag['name']}: {total} {key}, tag: {tag[key]}"
            assert tag["usable_bytes"] >= tag["live_bytes"], tag["name"]
        for row in (self.totals, *self["tags"], *self.sites()):
            assert row["allocations"] - row["frees"] == row["live_blocks"], row
            assert row["allocated_bytes"] >= row["live_bytes"], row
        peak, live = self.totals["peak_live_bytes"], self.totals["live_bytes"]
        assert peak >= live, f"a peak of {peak} with {live} bytes live"
        at_peak = sum(tag["at_peak_bytes"] for tag in self["tags"])
        assert at_peak == peak, f"tags add up to {at_peak} at the peak of {peak}"

    def by_function(self, name):
        """The summed figures of all sites whose code is in function `name` (raw or demangled)."""
        sums = dict.fromkeys(FIGURES, 0)
        for site in self.sites():
            if site["frames"] and plain_name(site["frames"][0].get("function")) == name:
                for key in FIGURES:
                    sums[key] += site[key]
        return sums


def plain_name(function):
    """`make_node` from `make_node(int)`, `ns::make_node<int>(int)`, `_Z9make_nodei`, `f.cold`."""
    if not function:
        return None
    if function.startswith("_Z"):
        function = subprocess.run(["c++filt", function], capture_output=True, text=True,
                                  check=True).stdout.strip()
    head = function.split("(")[0].split("<")[0].split(".")[0]
    return head.split(" ")[-1].split("::")[-1]


def free_of_heaptag(env):
    return not any(name.startswith("HEAPTAG_") for name in env)


def run(argv, *, env=None, stdin=None, cwd=None, preload=True, report=False, library=None,
        limits=None, exact_env=None, timeout=120, prepare=None):
    """Runs `argv` and waits for it.

    report: a folder to write JSON reports into, or True for a fresh one (removed by nobody: it
    lies in the temporary folder of pytest's session, see conftest).
    limits: {resource.RLIMIT_…: bytes}. exact_env: the whole environment, nothing is added.
    prepare: called in the child before exec.
    """
    environment = dict(base_environment())
    environment.update(env or {})
    folder = None
    if preload:
        environment["LD_PRELOAD"] = str(library or LIBRARY)
    if report:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="report."))
        environment.setdefault("HEAPTAG_REPORT", str(folder / "r.json"))
        environment.setdefault("HEAPTAG_FORMAT", "json")
    if exact_env is not None:
        environment = exact_env

    def before_exec():
        for key, value in (limits or {}).items():
            resource.setrlimit(key, (value, value))
        if prepare:
            prepare()

    words = [a if isinstance(a, bytes) else str(a) for a in argv]
    done = subprocess.run(words, env=environment, cwd=cwd,
                          input=stdin if stdin is not None else b"", capture_output=True,
                          timeout=timeout, check=False,
                          preexec_fn=before_exec if limits or prepare else None)
    paths = []
    if folder:
        paths = sorted(p for p in folder.iterdir())
    return Run(words, done.returncode, done.stdout, done.stderr, paths)


def tool_or_skip(name):
    import pytest
    path = shutil.which(name, path=base_environment()["PATH"])
    if not path:
        pytest.skip(f"{name} is not installed")
    return path
