"""A signal asks for a report from inside: wherever the program is, and without disturbing it."""
import contextlib
import os
import re
import resource
import signal
import subprocess
import threading
import time

import pytest

from live import GROWING, by_site
from libraries import LIBRARIES
from runner import COMMAND, LIBRARY, Report, base_environment, program, run, tool_or_skip

SIGNAL = signal.SIGUSR1


class Target:
    """A process that waits for its signals, and the reports that it has written so far."""

    def __init__(self, child, folder):
        self.child, self.folder = child, folder

    @property
    def pid(self):
        return self.child.pid

    def path(self, index):
        return self.folder / ("r" if index == 0 else f"r.{index}")

    def ask(self, index, pid=None):
        """Sends the signal and waits for the file: it has its name when it is whole."""
        os.kill(pid or self.pid, SIGNAL)
        return self.wait_for(self.path(index))

    def wait_for(self, path):
        while not path.exists():
            assert self.child.poll() is None, f"ended with {self.child.returncode}"
            time.sleep(0.001)
        return Report.read(path)

    def wait_for_handler(self):
        while not caught(self.pid) & 1 << SIGNAL - 1:
            assert self.child.poll() is None

    def line(self):
        return self.child.stdout.readline().strip()

    def end(self):
        """Closes its stdin, and returns what it said after that."""
        out, err = self.child.communicate(timeout=60)
        assert (self.child.returncode, err) == (0, ""), (self.child.returncode, err)
        return out


@contextlib.contextmanager
def target(folder, *argv, env=None, ready="ready", library=LIBRARY, option="USR1", path=None):
    environment = {**base_environment(), "LD_PRELOAD": str(library), "HEAPTAG_FORMAT": "json",
                   "HEAPTAG_REPORT": str(folder / "r"), "HEAPTAG_SIGNAL": option, **(env or {})}
    environment = {name: value for name, value in environment.items() if value is not None}
    words = [path or program(argv[0]), *map(str, argv[1:])]
    child = subprocess.Popen(words, env=environment, cwd=folder, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        one = Target(child, folder)
        if ready:
            assert one.line() == ready
        yield one
    finally:
        child.kill()
        child.communicate()


def reason(report):
    assert report["process"]["exit"] is None or report["process"]["reason"] == "exit"
    return report["process"]["reason"]


def check_figures(report):
    for row in (report.totals, *report.sites()):
        for key in ("live_blocks", "live_bytes", "usable_bytes", *GROWING):
            assert 0 <= row.get(key, 0) < 1 << 62, (key, row)


def check_growth(before, now):
    for site, figures in before.items():
        for key in GROWING:
            assert now[site][key] >= figures[key], (site, key, figures, now[site])


def caught(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"^SigCgt:\s*(\w+)", file.read(), re.M)[1], 16)


# ---- what it writes -----------------------------------------------------------------------------

def test_one_report_for_each_signal_and_one_at_exit(tmp_path):
    with target(tmp_path, "signalled", "raise", 0) as one:
        for index in range(3):
            report = one.ask(index)
            assert reason(report) == "signal" and report["process"]["pid"] == one.pid
            assert report["options"]["HEAPTAG_SIGNAL"] == "USR1"
        assert one.end() == ""
        assert reason(Report.read(one.path(3))) == "exit"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r", "r.1", "r.2", "r.3"]


def test_text_says_that_the_program_runs(tmp_path):
    with target(tmp_path, "signalled", "raise", 1, env={"HEAPTAG_FORMAT": "text"}) as one:
        text = one.path(0).read_text()
        assert re.match(rf"report of signalled\[{one.pid}\] after [\d.]+ m?s: peak .* in use\n", text)
        assert one.end() == ""
    assert "exited with status 0" in one.path(1).read_text()


@pytest.mark.parametrize("form,ending", [("text", "txt"), ("json", "json"), ("snapshot", "snap")])
def test_without_a_path_it_is_where_the_program_started(tmp_path, form, ending):
    """And there is none at exit."""
    env = {"HEAPTAG_REPORT": None, "HEAPTAG_FORMAT": form}
    with target(tmp_path, "signalled", "raise", 2, env=env) as one:
        assert one.end() == ""
        name = f"heaptag.signalled.{one.pid}.{ending}"
    assert sorted(p.name for p in tmp_path.iterdir()) == [name, f"{name}.1"]


def test_a_folder_with_a_percent_sign(tmp_path):
    folder = tmp_path / "100%p"
    folder.mkdir()
    run([program("signalled"), "raise", "1"], cwd=folder, env={"HEAPTAG_SIGNAL": "USR1"}).ok()
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("name,number", [("USR2", 12), ("SIGUSR2", 12), ("sigusr2", 12), ("12", 12),
                                         ("RTMIN", 34), ("RTMIN+3", 37), ("RTMAX-2", 62),
                                         ("64", 64), ("HUP", 1), ("WINCH", 28)])
def test_names_of_signals(tmp_path, name, number):
    run([program("signalled"), "raise", "2"], cwd=tmp_path,
        env={"HEAPTAG_SIGNAL": name, "SIGNALLED_BY": str(number)}).ok()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("value,words", [
    ("USR3", "the nearest is USR1"), ("SIGHPU", "the nearest is HUP"), ("0", "1 to 64"),
    ("65", "1 to 64"), ("-1", "is no signal"), ("RTMIN+31", "the nearest is RTMIN+1"),
    ("", "is empty"), ("KILL", "never reaches"), ("SIGSTOP", "never reaches"), ("9", "never"),
    ("SEGV", "fault"), ("BUS", "fault"), ("FPE", "fault"), ("ILL", "fault"), ("ABRT", "given up"),
    ("33", "C library"), ("TTIN", "stops"), ("x" * 500, "is no signal")])
def test_what_is_no_signal_or_not_for_this(value, words):
    done = run([program("exits"), "return"], env={"HEAPTAG_SIGNAL": value})
    assert done.status == 7
    (line,) = done.stderr.splitlines()
    assert line.startswith("heaptag: HEAPTAG_SIGNAL=" + value[:10]) and words in line


def test_queued_signals_give_one_report_each(tmp_path):
    """Twenty at once: one after the other, none lost. Only real-time signals are queued."""
    run([program("signalled"), "queue", "20"], cwd=tmp_path,
        env={"HEAPTAG_SIGNAL": "RTMIN+1", "SIGNALLED_BY": "35", "HEAPTAG_FORMAT": "json"}).ok()
    reports = [Report.read(path) for path in tmp_path.iterdir()]
    assert len(reports) == 20 and {reason(report) for report in reports} == {"signal"}


def test_command_shows_it(tmp_path):
    if not COMMAND.exists():
        pytest.skip(f"{COMMAND} is not built")
    done = run([COMMAND, "run", "--signal", "USR1", "--", program("signalled"), "raise", "2"],
               preload=False, cwd=tmp_path)
    assert (done.status, done.stdout) == (0, "ready\n")
    verdicts = re.findall(r"^(report of )?signalled\[\d+\](.*?) after ", done.stderr, re.M)
    assert verdicts == [("report of ", "")] * 2 + [("", " exited with status 0")], done.stderr


# ---- where the program is -----------------------------------------------------------------------

@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("threads,kind", [(1, "small"), (4, "small"), (1, "large"), (4, "large")])
def test_at_full_speed(tmp_path, threads, kind, library):
    """Every report adds up, nothing is negative, no counter goes back, and at the end all is as the
    program has counted it. `large` is nearly always in a slow path of ours."""
    with target(tmp_path, "signalled", "storm", threads, kind, library=library) as one:
        before = {}
        for index in range(200):
            report = one.ask(index)
            assert reason(report) == "signal"
            check_figures(report)
            now = by_site(report)
            check_growth(before, now)
            before = now
        counts = [line.split() for line in one.end().splitlines()]
        end = Report.read(one.path(200))
    assert reason(end) == "exit" and by_site(end).keys() >= before.keys()
    assert len(list(tmp_path.iterdir())) == 201
    for function, calls, size in counts:
        figures = end.by_function(function)
        assert (figures["allocations"], figures["allocated_bytes"]) == (int(calls), int(size))


def pester(child, times):
    """Sends the signal again and again as long as the child lives; returns the thread."""
    def send():
        for _ in range(times):
            time.sleep(0.001)
            if child.poll() is not None:
                break
            child.send_signal(SIGNAL)
    sender = threading.Thread(target=send)
    sender.start()
    return sender


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("argv", [["fork_threads", "8", "200", "handlers"], ["thread_churn", "20000"],
                                  ["stress", "8", "6", "4000"]], ids=lambda a: a[0])
def test_while_things_come_and_go(tmp_path, argv, library):
    """Threads, processes and blocks between threads: orphans and forks hold our locks longest."""
    with target(tmp_path, *argv, ready=None, library=library,
                env={"HEAPTAG_CHILDREN": "off"}) as one:
        one.wait_for_handler()
        sender = pester(one.child, 500)
        out, err = one.child.communicate(timeout=120)
        sender.join()
    assert (one.child.returncode, err) == (0, "") and "bad" not in out
    reports = [Report.read(path) for path in tmp_path.iterdir()]
    (end,) = [report for report in reports if reason(report) == "exit"]
    assert len(reports) > 10
    for report in reports:
        check_figures(report)
    for name, allocations, frees, live, allocated in re.findall(
            r"^(\w+) (\d+) (\d+) (\d+) (\d+)$", out, re.M):
        allocations, frees, live, allocated = map(int, (allocations, frees, live, allocated))
        assert end.by_function(name) == {
            "allocations": allocations, "frees": frees, "live_blocks": allocations - frees,
            "live_bytes": live, "allocated_bytes": allocated}, name


@pytest.mark.parametrize("library", LIBRARIES)
def test_while_figures_move(tmp_path, library):
    """Spans are given up ten thousand times a second, and what they have counted moves."""
    with target(tmp_path, "folds", 2, library=library) as one:
        before = {}
        for index in range(200):
            report = one.ask(index)
            check_figures(report)
            now = by_site(report)
            check_growth(before, now)
            before = now


PYTHON = """
import json, subprocess, threading, zlib
def work(n):
    out[n] = len(json.loads(json.dumps([{str(i): [i] * (i % 50)} for i in range(3000)])))
out = {}
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for t in threads: t.start()
for t in threads: t.join()
print(sorted(out.items()), zlib.crc32(b"x" * 10000000))
print(subprocess.run(["sh", "-c", "echo child; exit 3"], capture_output=True))
print(sum(len(str(i) * 3) for i in range(200000)))
"""
PERL = "$h{$_ % 5000} .= chr(65 + $_ % 26) for 1..600000; print length(join '', values %h), qq(\n);"


@pytest.mark.parametrize("argv", [["python3", "-c", PYTHON], ["perl", "-e", PERL],
                                  ["bash", "-c", "for i in {1..300}; do x=$(echo $i); done; "
                                   "seq 20000 | sort -r | head -n 3; echo $x"]], ids=lambda a: a[0])
def test_real_programs_do_not_notice(tmp_path, argv):
    tool_or_skip(argv[0])
    without = run(argv, preload=False).ok()
    with target(tmp_path, *argv, ready=None, path=argv[0]) as one:
        one.wait_for_handler()
        sender = pester(one.child, 300)
        out, err = one.child.communicate(timeout=120)
        sender.join()
    assert (one.child.returncode, out, err) == (0, without.stdout, "")
    assert len(list(map(Report.read, tmp_path.iterdir()))) > 10


def wait_until_asleep(pid):
    while open(f"/proc/{pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()[0] != "S":
        time.sleep(0.001)


def test_blocked_in_read(tmp_path):
    """The call goes on."""
    with target(tmp_path, "signalled", "read") as one:
        for index in range(3):
            wait_until_asleep(one.pid)
            one.ask(index)
        one.child.stdin.write("text")
        assert one.end() == "read 4 good\n"


def test_blocked_in_pause(tmp_path):
    """This one never goes on, whoever handles the signal."""
    with target(tmp_path, "signalled", "pause") as one:
        wait_until_asleep(one.pid)
        one.ask(0)
        assert one.end() == "pause -1 EINTR\n"


@pytest.mark.parametrize("mode,count", [
    (["raise", "5"], 5),       # errno too
    (["vfork"], 1),            # not in the memory of another
    (["atexit"], 1), (["cold"], 1), (["altstack"], 2), (["ending"], 4)], ids=lambda a: str(a))
def test_odd_moments(tmp_path, mode, count):
    done = run([program("signalled"), *mode], env={
        "HEAPTAG_SIGNAL": "USR1", "HEAPTAG_REPORT": str(tmp_path / "r"), "HEAPTAG_FORMAT": "json"})
    assert done.ok().stdout in ("ready\n", "vfork 3\n", "")
    reasons = sorted(reason(Report.read(path)) for path in tmp_path.iterdir())
    assert reasons == ["exit"] + ["signal"] * count


# ---- whose signal it is -------------------------------------------------------------------------

def test_handler_of_the_program_takes_its_place(tmp_path):
    with target(tmp_path, "signalled", "own") as one:
        for _ in range(3):
            os.kill(one.pid, SIGNAL)
            time.sleep(0.02)
        assert one.end() == "called 3\n"
    assert [path.name for path in tmp_path.iterdir()] == ["r"]  # at exit


def test_child_after_fork(tmp_path):
    """Each process answers for itself."""
    with target(tmp_path, "signalled", "fork", ready=None) as one:
        child = int(one.line().split()[1])
        for index, pid in enumerate((child, one.pid, child)):
            assert one.ask(index, pid)["process"]["pid"] == pid
        assert one.end() == ""


def test_child_that_has_just_been_forked(tmp_path):
    """Before its fork handlers have run it is not lost, and not taken for the parent's."""
    done = run([program("signalled"), "early", "200"], env={
        "HEAPTAG_SIGNAL": "USR1", "HEAPTAG_REPORT": f"{tmp_path}/%p", "HEAPTAG_FORMAT": "json",
        "HEAPTAG_CHILDREN": "off"})
    assert done.ok().stdout == "ready\n"
    reports = [Report.read(path) for path in tmp_path.iterdir()]
    assert sorted(map(reason, reports)) == ["exit"] + ["signal"] * 200
    assert len({report["process"]["pid"] for report in reports}) == 201


def test_program_that_was_executed(tmp_path):
    with target(tmp_path, "signalled", "exec", program("signalled"), "raise", 0) as one:
        assert one.ask(0)["process"]["argv"][1] == "raise"
        assert one.end() == ""


def test_silent_program_is_left_alone(tmp_path):
    with target(tmp_path, "signalled", "raise", 0, env={"HEAPTAG_PROGRAMS": "!signalled"}) as one:
        os.kill(one.pid, SIGNAL)
        assert one.child.wait() == -SIGNAL
    assert list(tmp_path.iterdir()) == []


def test_without_the_option_the_signal_is_the_programs(tmp_path):
    """The twin of all that is above."""
    with target(tmp_path, "signalled", "raise", 0, option=None) as one:
        assert caught(one.pid) == 0
        os.kill(one.pid, SIGNAL)
        assert one.child.wait() == -SIGNAL
    with target(tmp_path, "signalled", "raise", 0) as one:
        assert caught(one.pid) == 1 << SIGNAL - 1
    assert list(tmp_path.iterdir()) == []


# ---- where it cannot be written -----------------------------------------------------------------

def test_unwritable_path(tmp_path):
    """One line each; the program goes on."""
    path = "/nonexistent/folder/r"
    done = run([program("signalled"), "raise", "2"],
               env={"HEAPTAG_SIGNAL": "USR1", "HEAPTAG_REPORT": path})
    assert (done.status, done.stdout) == (0, "ready\n")
    lines = done.stderr.splitlines()
    assert len(lines) == 3 and set(lines) == {lines[0]}  # the last one at exit
    assert path in lines[0] and "no such file or directory" in lines[0]


def test_pipe_that_nobody_reads(tmp_path):
    """SIGPIPE is what our own writing raises: the program does not see it. One line each."""
    reader, writer = os.pipe()
    os.close(reader)
    done = run([program("signalled"), "raise", "2"], prepare=lambda: os.dup2(writer, 0), env={
        "HEAPTAG_SIGNAL": "USR1", "HEAPTAG_REPORT": "/dev/fd/0"})
    os.close(writer)
    assert (done.status, done.stdout) == (0, "ready\n")
    assert len(done.stderr.splitlines()) == 3 and done.stderr.count("/dev/fd/0 is lost") == 3


def test_file_that_may_not_grow(tmp_path):
    """The same for SIGXFSZ."""
    done = run([program("signalled"), "raise", "2"], limits={resource.RLIMIT_FSIZE: 100},
               env={"HEAPTAG_SIGNAL": "USR1", "HEAPTAG_REPORT": str(tmp_path / "r")})
    assert (done.status, done.stdout) == (0, "ready\n")
    assert len(done.stderr.splitlines()) == 3 and list(tmp_path.iterdir()) == []


def test_a_name_is_taken_by_what_is_written(tmp_path):
    """NAME.part is the start of NAME, of another process perhaps: the next name is free."""
    (tmp_path / "r.part").write_text("mine")
    with target(tmp_path, "signalled", "raise", 0) as one:
        one.ask(1)
        assert one.end() == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.1", "r.2", "r.part"]
    assert (tmp_path / "r.part").read_text() == "mine"
