"""`heaptag doctor PID` and `heaptag doctor`: processes of all kinds, and the machine."""
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from diagnosis import Diagnosis, SOMEBODY, a_copy, build, diagnose, needs_root, open_to_all
from live import running
from runner import COMMAND, LIBRARY, ROOT, base_environment, program, run

pytestmark = pytest.mark.skipif(not COMMAND.exists(), reason=f"{COMMAND} is not built")


# Processes ----------------------------------------------------------------------------------------

def test_a_process_under_heaptag():
    with running("busy", 1, -1, wait_for="done", env={"HEAPTAG_REPORT": "/tmp/%e.%p.txt"}) as child:
        found = diagnose(child.pid)
        assert found.status == 0
        assert found.verdict.startswith(f"busy[{child.pid}] runs under heaptag and may be read")
        assert re.match(r"since \d{4}-\d\d-\d\d \d\d:\d\d; default mode$",
                        found.row("preloaded")[1])
        assert "the one beside this command" in found.row("library")[1]
        assert re.match(r"read: \d+ owners, \S+ live in ", found.row("access")[1])
        assert found.row("report")[1] == f"at exit: /tmp/busy.{child.pid}.txt"
        assert found.commands["next"] == f"heaptag report {child.pid}"
        assert diagnose("busy").verdict == found.verdict
        os.kill(child.pid, signal.SIGSTOP)
        time.sleep(0.05)
        assert "it is stopped, which is no obstacle" in diagnose(child.pid).row("access")[1]
        os.kill(child.pid, signal.SIGCONT)


def test_a_process_without_heaptag():
    with running("busy", 1, -1, wait_for="done", preload=False) as child:
        found = diagnose(child.pid)
        assert found.status == 1
        assert found.verdict == (f"busy[{child.pid}] runs without heaptag, which cannot be added to "
                                 "a running process; restarted, it can run under it")
        assert found.row("preloaded")[0] == "FAIL" and found.row("program")[0] == "ok"
        assert found.commands["restart it"] == f"heaptag run -- {program('busy')} 1 -1"


PAUSE = "34"  # the number of the call, as /proc says it
WAITS = "#include <unistd.h>\nint main(void) { return pause(); }\n"


@contextlib.contextmanager
def waiting(path, preload=str(LIBRARY)):
    """A program that pauses, and is there: past its loader."""
    with subprocess.Popen([path], env={**base_environment(), "LD_PRELOAD": preload}) as child:
        try:
            for _ in range(1000):
                with open(f"/proc/{child.pid}/syscall", encoding="ascii") as file:
                    if file.read().split()[0] == PAUSE:
                        break
                time.sleep(0.01)
            yield child.pid
        finally:
            child.kill()


def test_a_static_process_cannot_be_restarted_under_it_either(tmp_path):
    path = build(tmp_path, "waits", WAITS, "-static")
    with waiting(path) as pid:
        found = diagnose(pid)
    assert found.verdict.endswith("nor can it be restarted under it: statically linked")
    assert f"its LD_PRELOAD has {LIBRARY}, which the loader did not take" in (
        found.row("preloaded")[1])
    assert "restart it" not in found.commands


def restart_of(path, *arguments, cwd=None):
    """The command that is proposed in a folder of its own, if any, and the row of the program."""
    with subprocess.Popen([path, *arguments], env=base_environment(), cwd=cwd,
                          stdout=subprocess.PIPE) as child:
        assert child.stdout.read(1) == b"x"
        if cwd is not None and (cwd / "gone").exists():
            (cwd / "gone").unlink()
        found = diagnose(child.pid)
        child.kill()
    return found.commands.get("restart it"), found.row("program")


SAYS_SO = ("#include <unistd.h>\n"
           "int main(void) { if (write(1, \"x\", 1) != 1) return 1; return pause(); }\n")


def test_where_it_is_restarted(tmp_path):
    build(tmp_path, "waits", SAYS_SO)
    assert restart_of(tmp_path / "waits")[0] == f"heaptag run -- {tmp_path}/waits"
    line, row = restart_of("./waits", "a", cwd=tmp_path)
    assert line == f"cd {tmp_path} && heaptag run -- ./waits a" and row[0] == "ok"
    assert restart_of("./waits", "/dev/fd/3", cwd=tmp_path)[0] is None


def test_a_file_that_was_removed(tmp_path):
    build(tmp_path, "gone", SAYS_SO)
    _, (grade, text) = restart_of("./gone", cwd=tmp_path)
    assert grade == "warn" and "its file was removed or replaced since" in text


def test_a_process_with_a_malloc_of_its_own(tmp_path):
    """It has the library in it, and counts nothing."""
    source = (ROOT / "tests/programs/doctor_own_malloc.c").read_text()
    path = build(tmp_path, "waits", source.replace(
        "int main(void) {", "int pause(void);\nint main(void) {\n  pause();"))
    with waiting(path) as pid:
        found = diagnose(pid)
    assert found.status == 1
    assert "which counts nothing: it has a malloc of its own" in found.verdict


def test_another_preload_that_comes_first(tmp_path):
    path = build(tmp_path, "waits", WAITS)
    other = tmp_path / "libother.so"
    source = tmp_path / "other.c"
    source.write_text((ROOT / "tests/programs/doctor_own_malloc.c").read_text().split("int main")[0])
    subprocess.run(["gcc", "-fPIC", "-shared", "-fno-builtin", source, "-o", other], check=True)
    with waiting(path, preload=f"{other}:{LIBRARY}") as pid:
        found = diagnose(pid)
        assert found.status == 1
        assert "which counts nothing: another malloc comes before it" in found.verdict
    with waiting(path, preload=f"{LIBRARY}:{other}") as pid:
        assert diagnose(pid).status == 0


@contextlib.contextmanager
def sleeping(user, preload=True):
    environment = {**base_environment(), **({"LD_PRELOAD": str(LIBRARY)} if preload else {})}
    with subprocess.Popen(["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
                           "sleep", "100"], env=environment) as child:
        while os.readlink(f"/proc/{child.pid}/exe") != os.path.realpath("/usr/bin/sleep"):
            time.sleep(0.01)
        time.sleep(0.05)
        try:
            yield child.pid
        finally:
            child.kill()


def test_a_process_of_another_user():
    needs_root()
    open_to_all(COMMAND.parent)
    with sleeping(0) as pid:
        found = diagnose(pid, user=SOMEBODY)
        assert found.status == 2 and f"sleep[{pid}] may not be looked at" == found.verdict
        assert f"it belongs to uid 0, we are uid {SOMEBODY}" in found.row("access")[1]
        assert f"sudo {COMMAND.resolve()} doctor {pid}" in found.text
        assert diagnose(pid).status == 0
    with sleeping(SOMEBODY) as pid:
        assert diagnose(pid, user=SOMEBODY).status == 0


NOT_DUMPABLE = """
import ctypes, time
ctypes.CDLL(None).prctl(4, %d, 0, 0, 0)
print("ready", flush=True)
time.sleep(100)
"""


@pytest.mark.parametrize("dumpable", [0, 1])
def test_a_process_that_is_not_dumpable(dumpable):
    needs_root()
    open_to_all(COMMAND.parent)
    words = ["setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups",
             "/usr/bin/python3", "-c", NOT_DUMPABLE % dumpable]
    with subprocess.Popen(words, env={**base_environment(), "LD_PRELOAD": str(LIBRARY)},
                          stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        found = diagnose(child.pid, user=SOMEBODY)
        child.kill()
    assert found.status == (0 if dumpable else 2)
    assert ("same user, but the process is not dumpable" in found.text) == (not dumpable)


def test_children_that_inherit_it():
    environment = {**base_environment(), "LD_PRELOAD": str(LIBRARY)}
    with subprocess.Popen(["sh", "-c", "sleep 100 & sleep 100 & echo ready; wait"],
                          env=environment, stdout=subprocess.PIPE,
                          start_new_session=True) as child:
        child.stdout.readline()
        time.sleep(0.1)
        text = diagnose(child.pid).row("preloaded")[1]
        os.killpg(child.pid, signal.SIGKILL)
    assert text.endswith("; LD_PRELOAD inherited by 2 children")


def test_a_program_that_heaptag_run_started(tmp_path):
    with subprocess.Popen([COMMAND, "run", "-q", "-o", tmp_path / "x.snap", "--", "sleep", "100"],
                          env=base_environment()) as outer:
        children = f"/proc/{outer.pid}/task/{outer.pid}/children"
        while not (pids := open(children, encoding="ascii").read().split()) or os.path.basename(
                os.readlink(f"/proc/{pids[0]}/exe")) != "sleep":
            time.sleep(0.01)
        time.sleep(0.05)
        text = diagnose(pids[0]).row("report")[1]
        os.kill(int(pids[0]), signal.SIGKILL)
    assert text == "started by heaptag run, which shows the report when it ends"


def test_a_thread_of_the_kernel():
    comm = pathlib.Path("/proc/2/comm")
    if not comm.exists() or comm.read_text(encoding="utf-8", errors="replace") != "kthreadd\n":
        pytest.skip("no threads of the kernel to see: a pid namespace")
    found = diagnose("2")
    assert found.status == 1 and found.verdict == "kthreadd[2] is a thread of the kernel"


# The machine --------------------------------------------------------------------------------------

def test_the_machine():
    found = diagnose()
    assert found.status == 0 and found.verdict.split()[:1] == ["heaptag"]
    assert "works on this machine" in found.verdict
    assert "/bin/true ran with the library and wrote a report" in found.row("trial")[1]
    assert str(LIBRARY.resolve()) in found.row("heaptag")[1]


def an_installation(folder):
    folder.mkdir()
    a_copy(COMMAND, folder / "heaptag")
    return folder / "heaptag"


def test_a_command_without_its_library(tmp_path):
    command = an_installation(tmp_path / "bin")
    found = Diagnosis(run([command, "doctor"], preload=False, cwd=tmp_path))
    assert found.status == 1 and "there is no libheaptag.so" in found.verdict
    a_copy(LIBRARY, command.parent / "libheaptag.so")
    assert Diagnosis(run([command, "doctor"], preload=False, cwd=tmp_path)).status == 0


def test_a_library_that_is_another(tmp_path):
    """A library that is not heaptag's writes no report: the trial says so."""
    command = an_installation(tmp_path / "bin")
    subprocess.run(["gcc", "-shared", "-x", "c", "/dev/null", "-o",
                    command.parent / "libheaptag.so"], check=True)
    found = Diagnosis(run([command, "doctor"], preload=False, cwd=tmp_path))
    assert found.status == 1 and found.row("trial")[0] == "FAIL"
    assert "without a report" in found.row("trial")[1]


def test_a_path_that_ld_preload_cannot_name(tmp_path):
    command = an_installation(tmp_path / "my folder")
    a_copy(LIBRARY, command.parent / "libheaptag.so")
    for arguments in ((), ("--", "/bin/true")):
        found = Diagnosis(run([command, "doctor", *arguments], preload=False, cwd=tmp_path))
        assert found.status == 1 and "it has a space or a colon" in found.text


def test_folders_that_are_not_writable():
    found = diagnose(env={"TMPDIR": "/nonexistent"})
    assert found.status == 1 and found.row("folders")[0] == "FAIL"
