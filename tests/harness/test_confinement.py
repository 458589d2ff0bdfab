"""Programs with fewer rights than they started with, and roots in which there is nothing."""
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile

import pytest

from runner import LIBRARY, Report, program, run, tool_or_skip

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can try it")
FILTERS = ["kill", "refuse", "least"]


@pytest.mark.parametrize("how", FILTERS)
def test_allocates_on_under_a_filter(how):
    """After main has begun heaptag calls mmap, munmap, madvise, futex, mremap and mprotect only, and
    goes on without madvise and mremap. (glibc's malloc does not: it wants brk.)"""
    done = run([program("confined"), how])
    assert (done.status, done.stdout, done.stderr) == (5, "good\n", "")


@pytest.mark.parametrize("how", ["undump", "userns", "mdwe",
                                 *(pytest.param(h, marks=as_root) for h in ("setuid", "chroot"))])
def test_allocates_on(run_both, how, tmp_path):
    done = run_both([program("confined"), how, tmp_path])
    assert (done.status, done.stdout) == (5, "good\n")


def test_allocates_on_in_no_folder(run_both, tmp_path):
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    for name, preload in (("with", True), ("without", False)):
        done = run([program("confined"), "cwd"], cwd=tmp_path / name, preload=preload)
        assert (done.status, done.stdout, done.stderr) == (5, "good\n", "")


@pytest.mark.parametrize("how", ["refuse", "least", pytest.param("chroot", marks=as_root),
                                 pytest.param("setuid", marks=as_root)])
def test_a_report_that_may_not_be_written(how, tmp_path):
    """The status stays; a line at most says why, where it can be said."""
    place = tmp_path / "place"
    place.mkdir(mode=0o755)
    done = run([program("confined"), how, tmp_path], env={"HEAPTAG_REPORT": str(place / "r.json"),
                                                          "HEAPTAG_FORMAT": "json"})
    assert (done.status, done.stdout) == (5, "good\n")
    said = done.stderr.splitlines()
    assert len(said) <= 1 and all(str(place) in line for line in said)
    for path in place.iterdir():  # or it was possible after all
        Report.read(path)


@as_root
def test_a_report_that_may_be_written_after_rights_are_gone(tmp_path):
    """The twin: nobody may write into the folder."""
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.geteuid() and folder != pathlib.Path("/"):
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    done = run([program("confined"), "setuid"], env={"HEAPTAG_REPORT": str(tmp_path / "r.json"),
                                                     "HEAPTAG_FORMAT": "json"})
    assert (done.status, done.stderr) == (5, "")
    assert Report.read(tmp_path / "r.json")["process"]["exit"] == 5


# ---- a root without anything ---------------------------------------------------------------------

@pytest.fixture
def root():
    """A folder with programs, the libraries that they need, ours, and an empty out; no /proc. It does
    not lie where the programs do: what is built may lie in /tmp."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="root.", dir="/var/tmp"))
    wanted = [program(name) for name in ("sites", "threads", "confined")] + ["/bin/sh"]
    for path in wanted + [str(LIBRARY)]:
        listing = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        for file in [path, *re.findall(r"(/\S+) \(0x", listing)]:
            target = place / file.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(os.path.realpath(file), target)
    (place / "out").mkdir()
    (place / "out").chmod(0o777)
    for folder in [place, *place.parents]:
        if folder.stat().st_uid == os.geteuid() and folder != pathlib.Path("/"):
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    yield place
    shutil.rmtree(place)


@as_root
def test_in_a_chroot(root):
    def enter():
        os.chroot(root)
        os.chdir("/")
    env = {"HEAPTAG_REPORT": "/out/r.json", "HEAPTAG_FORMAT": "json"}
    done = run([program("sites")], env=env, prepare=enter).ok()
    assert done.stdout == "79\n"
    report = Report.read(root / "out/r.json")
    assert report.by_function("give_10001")["live_bytes"] == 10 * 10001
    run([program("threads"), "cross", "4", "500"], prepare=enter).ok()


@as_root
def test_a_program_with_more_rights_than_its_user(root):
    """A setuid program that gets the library all the same, by /etc/ld.so.preload: options that its
    user sets are not for it. The twin without the bit writes what is asked for."""
    (root / "etc").mkdir()
    (root / "etc/ld.so.preload").write_text(f"{LIBRARY}\n")
    target = root / program("sites").lstrip("/")

    def enter():
        os.chroot(root)
        os.chdir("/")
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    env = {"HEAPTAG_REPORT": "/out/r.json", "HEAPTAG_FORMAT": "json", "HEAPTAG_WRONG": "1",
           "HEAPTAG_LOG": "/out/log"}
    target.chmod(0o4755)
    done = run([program("sites")], env=env, preload=False, prepare=enter).ok()
    assert done.stdout == "79\n" and list((root / "out").iterdir()) == []
    target.chmod(0o755)
    run([program("sites")], env=env, preload=False, prepare=enter).ok()
    assert sorted(p.name for p in (root / "out").iterdir()) == ["log", "r.json"]


# ---- started with fewer rights -------------------------------------------------------------------

LESS = {"no_new_privs": ["setpriv", "--no-new-privs"],
        "no capabilities": ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"],
        "user namespace": ["unshare", "-U"],
        "root of a user namespace": ["unshare", "-Ur"],
        "namespaces": ["unshare", "-Urmpf"]}


@pytest.mark.parametrize("how", LESS)
def test_started_with_fewer_rights(how, run_both):
    """Where this machine does not allow it, it allows it neither way."""
    if "capabilities" in how and os.geteuid() != 0:
        pytest.skip("only root has any to give up")
    tool_or_skip(LESS[how][0])
    done = run_both([*LESS[how], program("threads"), "cross", "4", "500"])
    assert done.status == 0, done.stderr
