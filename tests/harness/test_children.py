"""A tree of processes: who reports, into which file, and who is told what."""
import collections
import re
import socket
import time

import pytest

from runner import COMMAND, Report, program, run, tool_or_skip

SOURCES = {"a.c": "int a(void) { return 1; }", "b.c": "int b(void) { return 2; }",
           "main.c": "int a(void); int b(void); int main(void) { return a() + b() - 3; }"}
MAKEFILE = ("prog: a.o b.o main.o\n\tgcc -o $@ $^\n"
            "%.o: %.c\n\tgcc -c -o $@ $<\n")
# What gcc 12 starts: a compiler and an assembler for each source, and two programs to link.
PROCESSES = {"make": 1, "x86_64-linux-gnu-gcc-12": 4, "cc1": 3, "x86_64-linux-gnu-as": 3,
             "collect2": 1, "x86_64-linux-gnu-ld.bfd": 1}


@pytest.fixture
def project(tmp_path):
    tool_or_skip("make")
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in {**SOURCES, "Makefile": MAKEFILE}.items():
        (folder / name).write_text(text + "\n")
    return folder


def verdicts(stderr):
    return [line for line in stderr.splitlines() if re.match(r"\S+\[\d+\] ", line)]


@pytest.mark.skipif(not COMMAND.exists(), reason=f"{COMMAND} is not built")
def test_make_is_one_report(project):
    """Its sixteen children are preloaded as well; they write nothing, and say nothing."""
    without = run(["make", "-j2"], preload=False, cwd=project).ok()
    for path in project.glob("*.o"):
        path.unlink()
    done = run([COMMAND, "run", "--", "make", "-j2"], preload=False, cwd=project)
    assert (done.status, sorted(done.stdout)) == (0, sorted(without.stdout))
    (verdict,) = verdicts(done.stderr)
    assert verdict.startswith("make[") and done.stderr.startswith(verdict)
    assert "heaptag: " not in done.stderr
    assert len(list(project.glob("*.snap*"))) == 1
    assert run(["./prog"], preload=False, cwd=project).ok()


def programs_of(folder):
    reports = [Report.read(path) for path in folder.iterdir()]
    assert len({report["process"]["pid"] for report in reports}) == len(reports)
    return collections.Counter(report["process"]["program"] for report in reports)


@pytest.mark.parametrize("name", ["r", "%e.%p.json", "%n"])
def test_every_process_of_make_reports(project, tmp_path, name):
    folder = tmp_path / "reports"
    folder.mkdir()
    run(["make", "-j2"], cwd=project, env={
        "HEAPTAG_REPORT": str(folder / name), "HEAPTAG_FORMAT": "json",
        "HEAPTAG_CHILDREN": "report"}).ok()
    assert programs_of(folder) == PROCESSES


@pytest.mark.skipif(not COMMAND.exists(), reason=f"{COMMAND} is not built")
def test_command_shows_every_process_of_make(project):
    done = run([COMMAND, "run", "--children", "report", "--", "make", "-j2"], preload=False,
               cwd=project)
    assert done.status == 0
    shown = collections.Counter(line.split("[")[0] for line in verdicts(done.stderr))
    assert shown == PROCESSES
    assert verdicts(done.stderr)[-1].startswith("make["), "the program itself comes last"
    assert len(list(project.glob("heaptag.*.snap"))) == sum(PROCESSES.values())


@pytest.mark.parametrize("children", [1, 100])
def test_no_two_processes_share_a_file(tmp_path, children):
    """All of them end at the same moment, with one path."""
    run([program("forks"), children], env={
        "HEAPTAG_REPORT": str(tmp_path / "r"), "HEAPTAG_FORMAT": "json",
        "HEAPTAG_CHILDREN": "report"}).ok()
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("r*"))) <= children or list(tmp_path.glob("*.part")):
        assert time.monotonic() < deadline, list(tmp_path.iterdir())
        time.sleep(0.01)
    assert programs_of(tmp_path) == {"forks": children + 1}


@pytest.mark.parametrize("mode", ["findings", "off", None])
def test_children_that_were_not_asked_for(tmp_path, mode):
    """The twin of those above."""
    env = {"HEAPTAG_REPORT": str(tmp_path / "r"), "HEAPTAG_FORMAT": "json"}
    if mode:
        env["HEAPTAG_CHILDREN"] = mode
    run([program("forks"), "20"], env=env).ok()
    time.sleep(0.2)
    assert programs_of(tmp_path) == {"forks": 1}


# ---- names --------------------------------------------------------------------------------------

@pytest.mark.parametrize("name,pattern", [
    ("%p", r"{pid}"), ("%e", "mix"), ("%h", "{host}"), ("%n", r"\d"), ("%%", "%"),
    ("%t", r"\d{{8}}T\d{{6}}"), ("%e%%%p.%e", r"mix%{pid}\.mix"), ("%%p", "%p"), ("a%", "a%"),
    ("%%%%e", "%%e")])
def test_placeholders(tmp_path, name, pattern):
    run([program("mix"), "1", "10"],
        env={"HEAPTAG_REPORT": f"{tmp_path}/{name}", "HEAPTAG_FORMAT": "json"}).ok()
    (path,) = tmp_path.iterdir()
    pid = Report.read(path)["process"]["pid"]
    assert re.fullmatch(pattern.format(pid=pid, host=re.escape(socket.gethostname())), path.name)


@pytest.mark.parametrize("name,unknown", [("%q.txt", "%q"), ("%e-%P", "%P"), ("%d", "%d")])
def test_unknown_placeholder(tmp_path, name, unknown):
    """Said once, by the first process; the path stays as it is."""
    script = f"{program('exits')} return; {program('exits')} exit & wait; exit 0"
    done = run(["/bin/sh", "-c", script], env={"HEAPTAG_REPORT": f"{tmp_path}/{name}"})
    assert done.status == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"heaptag: HEAPTAG_REPORT={tmp_path}/{name} has {unknown},")
    assert [path.name for path in tmp_path.iterdir()] == [name.replace("%e", "dash")]


# ---- which programs -----------------------------------------------------------------------------

TREE = f"{program('exits')} return; {program('mix')} 1 10 > /dev/null; {program('sizes')}; exit 0"


@pytest.mark.parametrize("globs,expected", [
    ("mix", ["mix"]), ("mix,sizes", ["mix", "sizes"]), ("!mix", ["dash", "exits", "sizes"]),
    ("!mix,!dash", ["exits", "sizes"]), ("*i*", ["exits", "mix", "sizes"]),
    ("*i*,!mi?", ["exits", "sizes"]), ("s[aeiou]zes", ["sizes"]), ("nothing", []),
    ("!*,mix", ["mix"]), ("", ["dash", "exits", "mix", "sizes"])])
def test_programs(tmp_path, globs, expected):
    """The others run silently."""
    done = run(["/bin/sh", "-c", TREE], env={
        "HEAPTAG_PROGRAMS": globs, "HEAPTAG_REPORT": f"{tmp_path}/%p", "HEAPTAG_FORMAT": "json"})
    assert (done.status, done.stderr) == (0, "")
    assert sorted(programs_of(tmp_path).elements()) == expected


@pytest.mark.parametrize("globs,expected", [
    ("mix", ["mix"]), ("!dash", ["exits", "mix", "sizes"]), ("!mix", ["dash"]), ("", ["dash"]),
    ("mix,dash", ["dash"])])
def test_programs_below_one_that_is_left_out(tmp_path, globs, expected):
    """Without a %p one process reports for all below it, but for those that are left out."""
    done = run(["/bin/sh", "-c", TREE], env={
        "HEAPTAG_PROGRAMS": globs, "HEAPTAG_REPORT": f"{tmp_path}/r", "HEAPTAG_FORMAT": "json"})
    assert (done.status, done.stderr) == (0, "")
    assert sorted(programs_of(tmp_path).elements()) == expected


@pytest.mark.parametrize("globs", ["mix", "!dash", "dash"])
def test_programs_that_are_left_out_do_not_complain(tmp_path, globs):
    done = run(["/bin/sh", "-c", TREE], env={"HEAPTAG_PROGRAMS": globs, "HEAPTAG_NONSENSE": "1"})
    assert len(done.stderr.splitlines()) == (1 if globs == "dash" else 0)


@pytest.mark.skipif(not COMMAND.exists(), reason=f"{COMMAND} is not built")
def test_command_shows_programs_below_one_that_is_left_out(tmp_path):
    done = run([COMMAND, "run", "--programs", "mix,sizes", "--", "/bin/sh", "-c", TREE],
               preload=False, cwd=tmp_path)
    assert [line.split("[")[0] for line in verdicts(done.stderr)] == ["mix", "sizes"]
