"""A process is looked at from outside: nothing stops it, every sum holds, no counter goes back."""
import os
import re
import signal
import subprocess
import time

import pytest

from live import GROWING, by_site, heaptag, report_of, running
from runner import COMMAND, base_environment, program, run

pytestmark = pytest.mark.skipif(not COMMAND.exists(), reason=f"{COMMAND} is not built")

READS = int(os.environ.get("TEST_LIVE_READS", "1000"))
KEPT, KEPT_BYTES = 100, 77


def check_figures(report):
    for row in (report.totals, *report.sites()):
        for key in ("live_blocks", "live_bytes", "usable_bytes", *GROWING):
            assert 0 <= row[key] < 1 << 62, (key, row)


def check_kept(report, threads):
    kept = report.by_function("keep_here")
    assert (kept["live_blocks"], kept["live_bytes"]) == (threads * KEPT,
                                                         threads * KEPT * KEPT_BYTES), kept


def test_read_a_thousand_times_at_full_speed():
    """What moves between tables meanwhile: tests/unit/tools/figure_reader_test.cc looks faster."""
    threads = 2
    with running("busy", threads, 0) as child:
        check_kept(report_of(child.pid), threads)
        before = {}
        for _ in range(READS):
            report = report_of(child.pid)
            check_figures(report)
            now = by_site(report)
            for site, figures in before.items():
                for key in GROWING:
                    assert now[site][key] >= figures[key], (site, key, figures, now[site])
            before = now
        assert child.poll() is None
        check_kept(report, threads)


def test_stopped_process_is_read_and_does_not_move():
    with running("busy", 4, 0) as child:
        os.kill(child.pid, signal.SIGSTOP)
        time.sleep(0.1)
        first, second = report_of(child.pid), report_of(child.pid)
        assert by_site(first) == by_site(second)
        check_figures(first)
        check_kept(first, 4)
        os.kill(child.pid, signal.SIGCONT)


def test_idle_process_says_what_its_exit_report_says(tmp_path):
    """Between the look and the end only the program's own end happens."""
    path = tmp_path / "exit.json"
    with running("busy", 3, -300, wait_for="done",
                 env={"HEAPTAG_REPORT": str(path), "HEAPTAG_FORMAT": "json"}) as child:
        live = report_of(child.pid)
        child.stdin.write("\n")
        child.stdin.flush()
        assert child.wait() == 0
    end = report_of(path)
    for name in ("keep_here", "one_size", "many_sizes", "large", "send_here"):
        assert live.by_function(name) == end.by_function(name), name
    assert by_site(live).keys() <= by_site(end).keys()
    assert live.totals["threads"] == end.totals["threads"] == 4
    assert live["process"]["argv"] == end["process"]["argv"]
    assert live["process"]["start_time"][:19] == end["process"]["start_time"][:19]
    assert live["options"] == end["options"]
    assert live["process"]["reason"] == "request" and live["process"]["exit"] is None


def test_counts_of_a_known_program():
    with running("busy", 2, -1000, wait_for="done") as child:
        report = report_of(child.pid)
        check_kept(report, 2)
        assert report.by_function("large")["allocations"] == 2 * 16
        assert report.by_function("large")["live_blocks"] == 0
        assert report.by_function("send_here")["allocations"] == 2 * 1000
        sizes = (report.by_function("one_size"), report.by_function("many_sizes"))
        assert sum(one["allocations"] for one in sizes) == 2 * 1000 * 64
        assert sum(one["live_blocks"] for one in sizes) == 0
        assert sum(one["live_bytes"] for one in sizes) == 0


def test_thousands_of_owners(tmp_path):
    with running("many_sites") as child:
        heaptag("snapshot", child.pid, "-o", tmp_path / "many.snap").ok()
    sites = [site for site in report_of(tmp_path / "many.snap").sites()
             if site["frames"] and site["frames"][-1]["function"].startswith("f_")]
    assert len(sites) == 4096
    assert {site["allocations"] for site in sites} == {3}
    assert sorted(site["live_bytes"] for site in sites) == [3 * n for n in range(1, 4097)]


def test_many_threads_come_and_go():
    """The process may end meanwhile: then that is said."""
    with running("thread_churn", 20000, wait_for=None) as child:
        for _ in range(50):
            done = heaptag("report", child.pid, "--format", "json")
            if done.status != 0:
                one_line(done, f"process {child.pid}")


def test_nothing_happens_in_the_target():
    """No stop, no signal, no system call: a sleeping program sleeps on."""
    with running("busy", 1, -1, wait_for="done") as child:
        def switches():
            with open(f"/proc/{child.pid}/status", encoding="ascii") as file:
                return re.findall(r"ctxt_switches:\s+(\d+)", file.read())
        def sleeps():
            with open(f"/proc/{child.pid}/stat", encoding="ascii") as file:
                return file.read().rsplit(")", 1)[1].split()[0] == "S"
        while not sleeps():  # what it said last came before it fell asleep
            time.sleep(0.01)
        before = switches()
        for _ in range(10):
            report_of(child.pid)
        assert switches() == before


def test_ls_lists_it_and_names_find_it(tmp_path):
    with running("busy", 2, -1, wait_for="done") as child:
        done = heaptag("ls")  # others, of other versions perhaps, may run beside it
        assert done.status == 0
        listed = done.stdout.splitlines()
        assert listed[0].split() == ["PID", "CONTAINER", "PROGRAM", "RSS", "LIVE", "OWNERS",
                                     "UP", "MODE"]
        row = next(line.split() for line in listed if line.split()[0] == str(child.pid))
        assert row[1:3] == ["-", "busy"] and int(row[5]) >= 2 and row[-1] == "-"
        plain = heaptag("ls", "--bytes").stdout
        assert re.search(rf"^ *{child.pid} +- +busy +[\d,]+ +[\d,]+ ", plain, re.M)
        (tmp_path / "busy").symlink_to(program("busy"))  # the program is meant, not its file
        assert f"report of busy[{child.pid}]" in heaptag("report", "busy", cwd=tmp_path).ok().stdout
        with running("busy", 1, -1, wait_for="done"):
            done = heaptag("report", "busy", cwd=tmp_path)
            assert done.status == 2 and "2 times" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--by", "module"], ["--by", "site"], ["--sort", "calls"],
                                       ["--sort", "peak", "--top", "1"], ["--bytes"]], ids=str)
def test_views_as_text(arguments):
    with running("busy", 2, -10, wait_for="done") as child:
        done = heaptag("report", child.pid, *arguments).ok()
        lines = done.stdout.splitlines()
        assert lines[0].startswith(f"report of busy[{child.pid}] after ")
        assert lines[-1].strip().startswith(f"next: heaptag report {child.pid} ")
        noun = {"module": "modules", "site": "sites"}.get((arguments + ["", ""])[1], "owners")
        assert any(line.endswith(f"{noun}, counted, not sampled") for line in lines)


def test_modules_add_up_to_the_same():
    with running("busy", 2, -10, wait_for="done") as child:
        owners, modules = report_of(child.pid), report_of(child.pid, "--by", "module")
        assert {tag["name"] for tag in modules["tags"]} >= {"busy", "ld-linux-x86-64.so.2"}
        assert owners.totals["allocations"] == modules.totals["allocations"]
        assert by_site(owners) == by_site(modules)


def test_a_forked_child_is_read_by_its_own_pid():
    with running("busy", 1, -1, wait_for="done") as child:
        script = ("import os,sys,time\npid = os.fork()\nif pid:\n  print(pid, flush=True)\n"
                  "  time.sleep(60)\nelse:\n  x = [bytes(9000) for _ in range(50)]\n  time.sleep(60)")
        environment = {**base_environment(), "LD_PRELOAD": str(COMMAND.parent / "libheaptag.so")}
        parent = subprocess.Popen(["/usr/bin/python3", "-c", script], env=environment,
                                  stdout=subprocess.PIPE, text=True)
        try:
            forked = int(parent.stdout.readline())
            time.sleep(0.3)
            assert report_of(forked)["process"]["pid"] == forked
            assert report_of(child.pid)["process"]["pid"] == child.pid
        finally:
            os.kill(forked, signal.SIGKILL)
            parent.kill()
            parent.wait()
            parent.stdout.close()


def one_line(done, *words):
    (line,) = done.stderr.splitlines()
    assert (done.status, done.stdout) == (2, "") and line.startswith("heaptag: "), done.stderr
    for word in words:
        assert word in line, line


def test_errors_are_one_line_each(tmp_path):
    one_line(heaptag("report", "4194303"), "no process 4194303")
    one_line(heaptag("snapshot", "4194303"), "no process 4194303")
    one_line(heaptag("report", "no-such-program"), "no-such-program", "heaptag ls")
    one_line(heaptag("report", "./no/such.snap"), "./no/such.snap")
    one_line(heaptag("report", str(tmp_path)), "directory")
    one_line(heaptag("report", "--by", "colour", "1"), "--by", "module")
    one_line(heaptag("report", "--sorted", "x", "1"), "--sort")
    one_line(heaptag("report", "1", "2"), "one word too many")
    with running("busy", 1, -1, wait_for="done", preload=False) as child:
        one_line(heaptag("report", child.pid), f"process {child.pid} (busy) runs without heaptag",
                 "heaptag run -- busy")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_somebody_elses_process_is_refused_with_advice():
    with running("busy", 1, -1, wait_for="done") as child:
        done = run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", COMMAND,
                    "report", child.pid], preload=False)
        if "cannot execute" in done.stderr or done.status == 127:
            pytest.skip("nobody may not execute the command here")
        one_line(done, f"process {child.pid}", "sudo heaptag")


def test_of_an_ended_process_is_said():
    done = subprocess.run([program("exits"), "return"], check=False)
    assert done.returncode == 7
    with subprocess.Popen([program("exits"), "return"]) as child:
        time.sleep(0.2)  # nobody waits for it yet
        one_line(heaptag("report", child.pid), "has ended")


def test_what_is_allocated_and_freed_at_full_speed_is_not_taken_for_live():
    """One block at most: the reader may see a few that come and go, not thousands."""
    with running("pairs") as process:
        live = [report_of(process.pid).totals["live_blocks"] for _ in range(100)]
    assert sorted(live)[50] < 200
    assert max(live) < 20000
