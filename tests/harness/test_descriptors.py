"""Descriptors that are closed, reused or all taken: heaptag writes into none that is not its own.

A message is due at start (an unknown option) and at exit (no such folder) in every run.
"""
import resource
import subprocess

import pytest

from runner import LIBRARY, base_environment, program, run

MESSAGES = {"HEAPTAG_NO_SUCH_OPTION": "1", "HEAPTAG_REPORT": "/nonexistent/r"}
MODES = ["daemon", "closefrom", "close_range", "all", "sockets", "null"]


def contents(folder):
    return {int(p.name): p.read_bytes() for p in folder.iterdir()}


@pytest.fixture
def in_folders(tmp_path):
    """in_folders(mode, …): the same with and without the library; what is in the files then."""
    def both(mode, **options):
        results = []
        for preload in (False, True):
            folder = tmp_path / f"{mode}.{preload}"
            folder.mkdir()
            done = run([program("descriptors"), mode, folder], preload=preload, **options)
            assert (done.status, done.stdout) == (5, ""), (done.status, done.signal, done.stderr)
            results.append(contents(folder))
        assert results[0] == results[1]
        return results[1]
    return both


@pytest.mark.parametrize("mode", MODES)
def test_files_hold_what_the_program_wrote(in_folders, mode):
    found = in_folders(mode, env=MESSAGES)
    for number, text in found.items():
        assert text in (b"", b"%d\n" % number * 3), number
    assert found or mode == "sockets"


@pytest.mark.parametrize("mode", MODES)
def test_with_few_descriptors(in_folders, mode):
    """There is no high number to move to."""
    in_folders(mode, env=MESSAGES, limits={resource.RLIMIT_NOFILE: 16})


@pytest.mark.parametrize("mode", ["null", "closefrom", "daemon"])
def test_reports_are_written_all_the_same(tmp_path, mode):
    """The twin: where there is something to write and a place for it, it is there."""
    folder = tmp_path / "files"
    folder.mkdir()
    done = run([program("descriptors"), mode, folder],
               env={"HEAPTAG_REPORT": f"{tmp_path}/%p.json", "HEAPTAG_FORMAT": "json"})
    assert done.status == 5
    assert len(list(tmp_path.glob("*.json"))) == (3 if mode == "daemon" else 1)


def test_shell_with_numbers_of_its_own(tmp_path):
    """bash lets scripts choose: 10, 200 and 1000 are theirs, and what they write there is all."""
    script = ("ulimit -n 4096; exec 10>a 200>b 1000>c; echo ten >&10; echo two >&200; "
              "echo big >&1000; for i in {1..200}; do x[$i]=$x$i; done; "
              "exec 2>&-; exec 1>&-; exec 0<&-; exec 3>d; echo three >&3; exit 3")
    results = []
    for preload in (False, True):
        folder = tmp_path / str(preload)
        folder.mkdir()
        env = base_environment() | MESSAGES | ({"LD_PRELOAD": str(LIBRARY)} if preload else {})
        done = subprocess.run(["bash", "-c", script], cwd=folder, env=env, check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        results.append((done.returncode, {p.name: p.read_text() for p in folder.iterdir()}))
    assert results[0] == results[1]
    assert results[1] == (3, {"a": "ten\n", "b": "two\n", "c": "big\n", "d": "three\n"})
