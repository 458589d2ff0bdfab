"""Runs one workload under one allocator, in a clean environment, and says what it used."""

import hashlib
import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path

# All that a workload sees, besides LD_PRELOAD and its own row of the table: no HEAPTAG_*, no
# MALLOC_*, no locale or PATH of the person who measures.
# TMPDIR is a directory that disappears with the last run.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C", "TZ": "UTC"}
TIMEOUT_S = 300
# Without this Valgrind would put its own malloc in the place of a preloaded one.
VALGRIND = ("valgrind", "--soname-synonyms=somalloc=nouserintercepts")
LIBC = "/usr/lib/x86_64-linux-gnu/libc.so.6"


class Failed(Exception):
    """A run did not do what it should; the text is the reason."""


class Runner:
    def __init__(self, build, allocators):
        self.measure = build / "bench" / "measure"
        self.libraries = {a.name: str(a.library) for a in allocators if a.library}
        self.scratch = tempfile.TemporaryDirectory(prefix="heaptag-bench-")

    def run(self, workload, allocator, smoke=False, check_loaded=False):
        """Returns the sample of bench/measure with "cpu" and "output" (a digest) added."""
        scratch = Path(self.scratch.name)
        result, maps, out, err = (scratch / name for name in ("result", "maps", "out", "err"))
        command = [str(self.measure), *(["--maps", str(maps)] if check_loaded else [])]
        command += [str(result), "--", *(workload.smoke if smoke else workload.command)]
        result.unlink(missing_ok=True)
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            status = self._wait(command, self._environment(workload, allocator), stdout, stderr)
        complaint = err.read_text(errors="replace").strip().split("\n")[0]
        if status != 0 or not result.exists():
            raise Failed(complaint or f"bench/measure ended with status {status}")
        sample = json.loads(result.read_text())
        why = f"; stderr: {complaint}" if complaint else ""
        if sample["signal"]:
            raise Failed(f"died of {signal.Signals(sample['signal']).name}{why}")
        if sample["exit"] != 0:
            raise Failed(f"exit status {sample['exit']}{why}")
        if complaint:
            raise Failed(f"wrote to stderr: {complaint}")
        if check_loaded:
            self._check_loaded(workload, allocator, maps.read_text())
        sample["cpu"] = sample["user"] + sample["sys"]
        sample["output"] = hashlib.sha256(out.read_bytes()).hexdigest()
        return sample

    def _environment(self, workload, allocator):
        library = allocator.library
        if library is None and workload.links:
            library = LIBC  # before the allocator that the program is linked with
        preload = {"LD_PRELOAD": str(library)} if library else {}
        here = {"TMPDIR": self.scratch.name}
        return ENVIRONMENT | here | workload.env | allocator.env | preload

    @staticmethod
    def _wait(command, environment, stdout, stderr):
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            cwd="/",
            start_new_session=True,  # so that a hanging tree can be ended as a whole
        )
        try:
            return process.wait(TIMEOUT_S)
        except BaseException as reason:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(reason, subprocess.TimeoutExpired):
                raise Failed(f"did not end within {TIMEOUT_S} s") from None
            raise

    def _check_loaded(self, workload, allocator, maps):
        """Each process of the tree has this allocator mapped at its end, and no other one."""
        processes = [block.split("\n") for block in maps.strip().split("\n\n")]
        own = self.libraries.get(allocator.name)
        for comm, *files in processes:
            if own is not None and own not in files:
                raise Failed(f"{allocator.name} is not loaded in its process {comm!r}")
            for name, library in self.libraries.items():
                if library != own and library in files and name != workload.links:
                    raise Failed(f"{name} is loaded in process {comm!r} too")
