"""Limits on memory of every kind, mappings, and memory that goes back.

overcommit_memory=2 and max_map_count are switches of the whole machine: what a kernel does under them
(refuse mappings, refuse to split them) is done to one process here, with strace's fault injection.
"""
import os
import pathlib
import re
import resource

import pytest

from runner import LIBRARY, program, run, tool_or_skip

MIB = 1 << 20


def memory(mode, **options):
    return run([program("memory_limits"), mode], **options)


@pytest.mark.parametrize("kind,mib", [("RLIMIT_AS", 64), ("RLIMIT_AS", 256), ("RLIMIT_AS", 1024),
                                      ("RLIMIT_DATA", 64), ("RLIMIT_DATA", 256)])
@pytest.mark.parametrize("mode", ["work", "fill"])
def test_limits(run_both, kind, mib, mode):
    """Where glibc's malloc lives, ours does: blocks as long as there are some, then NULL."""
    done = run_both([program("memory_limits"), mode],
                    limits={getattr(resource, kind): mib * MIB, resource.RLIMIT_STACK: 8 * MIB})
    assert (done.status, done.stdout) == (0, "good\n")


@pytest.mark.parametrize("mode", ["lock", "lock-late"])
@pytest.mark.parametrize("user,kib", [(0, None), (65534, 8192), (65534, 64)],
                         ids=str)
def test_all_memory_locked(mode, user, kib):
    """An ordinary user may lock a few MiB, and what is reserved would count: where glibc's malloc
    gets its memory, ours does. Where it does not (64 KiB), mlockall itself is refused to both."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user, and lock without a limit")

    def become():
        os.setgid(user)
        os.setuid(user)
    limits = {} if kib is None else {resource.RLIMIT_MEMLOCK: kib << 10}
    both = [memory(mode, limits=limits, prepare=become, preload=preload)
            for preload in (False, True)]
    assert both[0].stdout.endswith("good\n") and ("mlockall" in both[0].stdout) == (kib == 64)
    assert both[1].outcome == both[0].outcome


def test_few_mappings():
    """No more than glibc's, but for a dozen: tables, reserved ranges, the library itself."""
    counts = [int(re.fullmatch(r"mappings (\d+)\ngood\n", memory("map", preload=p).ok().stdout)[1])
              for p in (False, True)]
    assert counts[1] <= counts[0] + 24, counts


def test_addresses_are_ordinary():
    """Above 4 GiB and below 2^47: see programs/memory_limits.c, which names those that are not."""
    assert "block at" not in memory("map").ok().stdout


def test_memory_goes_back():
    """Of 192 MiB that were freed little stays resident, and nothing as LazyFree."""
    said = re.fullmatch(r"resident (-?\d+)\nlazyfree (\d+)\ngood\n", memory("back").ok().stdout)
    assert int(said[1]) < 24 and int(said[2]) == 0, said


def failed_alignments(preload, **options):
    done = memory("align", preload=preload, **options).ok()
    assert "multiple" not in done.stdout and "no block and" not in done.stdout
    assert int(re.search(r"resident (\d+)", done.stdout)[1]) < 64, done.stdout
    return set(map(int, re.findall(r"failed (\d+)", done.stdout)))


@pytest.mark.parametrize("limit", [None, 1024])
def test_huge_alignments(limit):
    """To 2^40 and beyond: no fewer than glibc has (under a limit: but for the last), nothing touched
    that was not asked for."""
    limits = {resource.RLIMIT_AS: limit * MIB} if limit else {}
    theirs = failed_alignments(False, limits=limits)
    if limit:
        theirs.add(min(theirs) - 1)
    assert failed_alignments(True, limits=limits) <= theirs


# ---- a cgroup ------------------------------------------------------------------------------------

@pytest.fixture
def cgroup():
    """A cgroup of 48 MiB, version 1 or 2, where this machine lets us make one."""
    for parent, name in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                         ("/sys/fs/cgroup", "memory.max")):
        place = pathlib.Path(parent) / f"heaptag.{os.getpid()}"
        try:
            place.mkdir()
        except OSError:
            continue
        try:
            (place / name).write_text(str(48 * MIB))
            yield place
            return
        except OSError:
            pass
        finally:
            place.rmdir()
    pytest.skip("no cgroup can be made here")


def test_in_a_cgroup(cgroup, run_both):
    """24 MiB at once and no more: what was freed does not stay."""
    def enter():
        (cgroup / "cgroup.procs").write_text(str(os.getpid()))
    assert run_both([program("memory_limits"), "work"], prepare=enter).stdout == "good\n"
    done = run([program("stress"), 4, 3, 2000], prepare=enter).ok()
    assert done.stdout.endswith("good\n")


# ---- a kernel that refuses -----------------------------------------------------------------------

REFUSALS = ["madvise:error=ENOMEM", "madvise:error=EINVAL", "munmap:error=ENOMEM:when=3+2",
            "munmap:error=ENOMEM:when=2+", "mremap:error=ENOMEM", "mremap:error=ENOSYS",
            "mprotect:error=ENOMEM:when=12+3"]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_the_kernel_refuses(refusal, tmp_path):
    """As with too many mappings: NULL at the worst, never an end by a signal."""
    injected = [tool_or_skip("strace"), "-f", "-o", tmp_path / "trace", "-e",
                f"trace={refusal.split(':')[0]}", "-e", f"inject={refusal}", "-E",
                f"LD_PRELOAD={LIBRARY}", program("memory_limits"), "work"]
    done = run(injected, preload=False)
    assert done.signal is None
    assert (done.status, done.stdout) in ((0, "good\n"),
                                          (1, "no memory: Cannot allocate memory\n")), done.stderr


@pytest.mark.parametrize("first", range(22, 40, 3))
def test_no_more_mappings(first, tmp_path):
    """From the nth on, as with overcommit_memory=2 or under max_map_count."""
    injected = [tool_or_skip("strace"), "-f", "-o", tmp_path / "trace", "-e", "trace=mmap,mprotect",
                "-e", f"inject=mmap:error=ENOMEM:when={first}+", "-E", f"LD_PRELOAD={LIBRARY}",
                program("exhaust")]
    done = run(injected, preload=False, limits={resource.RLIMIT_AS: 512 * MIB})
    assert done.signal is None and done.status in (0, 1, 127), (done.status, done.stderr)
