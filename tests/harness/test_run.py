"""`heaptag run`: the program's output and end pass through; the report comes on stderr."""
import json
import os
import re
import subprocess

import pytest

from runner import COMMAND, PROGRAMS, base_environment, program, run

pytestmark = pytest.mark.skipif(not COMMAND.exists(), reason=f"{COMMAND} is not built")


@pytest.fixture
def heaptag(tmp_path):
    """heaptag(arguments…): in an empty folder, where it may save."""

    def call(*arguments, **options):
        options.setdefault("cwd", tmp_path)
        return run([COMMAND, *arguments], preload=False, **options)

    return call


def test_output_is_untouched_and_the_report_follows(heaptag):
    plain = run([program("sites")], preload=False)
    done = heaptag("run", "--", program("sites"))
    assert (done.status, done.stdout) == (0, plain.stdout)
    assert re.match(r"sites\[\d+\] exited with status 0 after ", done.stderr)
    assert "next: " in done.stderr


def test_report_has_file_and_line(heaptag):
    source = (PROGRAMS / "../../../tests/programs/sites.c").resolve()
    lines = source.read_text().splitlines() if source.exists() else []
    done = heaptag("run", "--top", "0", "--", program("sites"))
    row = next(line for line in done.stderr.splitlines() if " clear_20002 " in line)
    match = re.search(r"sites\.c:(\d+)", row)
    assert match, row
    if lines:
        assert "calloc(2, 10001)" in lines[int(match[1]) - 1]


def test_cxx_names_are_demangled(heaptag):
    done = heaptag("run", "--top", "0", "--", program("sites_cxx"))
    assert "space::Maker::member" in done.stderr and "make_any<double>" in done.stderr
    assert "_ZN" not in done.stderr


@pytest.mark.parametrize("mode", ["return", "exit", "_exit", "quick_exit"])
def test_exit_status_passes_through(heaptag, mode):
    assert heaptag("run", "-q", "--", program("exits"), mode).status == 7


@pytest.mark.parametrize("mode,name", [("abort", "SIGABRT"), ("kill", "SIGKILL"),
                                       ("term", "SIGTERM"), ("segv", "SIGSEGV")])
def test_it_dies_by_the_signal_of_the_program(heaptag, mode, name):
    done = heaptag("run", "--", program("exits"), mode)
    assert done.signal is not None and done.signal.name == name


def test_statuses_of_its_own(heaptag, tmp_path):
    (tmp_path / "plain").write_text("text")
    for arguments, status in ((["no-such-program-anywhere"], 127), (["/nonexistent/x"], 127),
                              (["./plain"], 126), (["/"], 126)):
        done = heaptag("run", "--", *arguments)
        assert done.status == status, done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith("heaptag: run: ") and arguments[0] in line


@pytest.mark.parametrize("arguments", [["run"], ["run", "--no-such-option", "x"],
                                       ["no-such-command"], ["run", "--format", "xml", "true"]],
                         ids=str)
def test_usage_errors(heaptag, arguments):
    done = heaptag(*arguments)
    assert (done.status, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("heaptag: ")


def test_options_of_others_are_answered_with_ours(heaptag):
    done = heaptag("run", "--leak-check=full", "true")
    assert done.status == 2 and "Valgrind" in done.stderr


def test_quiet_says_nothing(heaptag):
    done = heaptag("run", "-q", "--", program("sites"))
    assert (done.status, done.stderr) == (0, "")


def test_o_saves_the_report(heaptag, tmp_path):
    done = heaptag("run", "-q", "-o", "saved.json", "--", program("sites"))
    assert (done.status, done.stderr) == (0, "")
    report = json.loads((tmp_path / "saved.json").read_text())
    frames = [s["frames"] for t in report["tags"] for s in t["sites"]]
    assert any(f[-1]["line"] and f[-1]["file"].endswith("sites.c") for f in frames if f)
    assert [p.name for p in tmp_path.iterdir()] == ["saved.json"]


def test_o_into_a_descriptor_that_is_a_file(tmp_path):
    """/dev/stdout is written into, never replaced: here it is a file that the shell has opened."""
    before = os.lstat("/dev/stdout").st_ino
    command = f"{COMMAND} run -q -o /dev/stdout --report /dev/fd/3 -- /bin/true >out.json 3>fd3.txt"
    run(["sh", "-c", command], preload=False, cwd=tmp_path).ok()
    assert json.loads((tmp_path / "out.json").read_text())["heaptag"]["schema"] == 1
    assert "counted, not sampled" in (tmp_path / "fd3.txt").read_text()
    assert os.lstat("/dev/stdout").st_ino == before


def test_report_flag_is_the_environment_variable(heaptag, tmp_path):
    done = heaptag("run", "-q", "-o", "x.json", "--report", "r.json", "--format", "json", "--",
                   program("sites"))
    assert done.status == 0, done.stderr
    assert json.loads((tmp_path / "r.json").read_text())["heaptag"]["schema"] == 1


def test_exec_replaces_itself(heaptag, tmp_path):
    done = heaptag("run", "--exec", "--report", "%p.json", "--format", "json", "--",
                   program("exits"), "return")
    assert (done.status, done.stderr) == (7, "")
    (path,) = tmp_path.iterdir()
    assert path.name == f"{json.loads(path.read_text())['process']['pid']}.json"


def test_stdin_reaches_the_program(heaptag):
    assert heaptag("run", "-q", "--", "cat", stdin=b"some\x00input").stdout == "some\x00input"


def test_arguments_after_the_program_are_the_programs(heaptag):
    done = heaptag("run", "-q", "echo", "-q", "--", "--format", "x")
    assert done.stdout == "-q -- --format x\n"


def test_only_the_program_is_preloaded(heaptag):
    """The command itself stays as it is, and what the program starts inherits the preload."""
    done = heaptag("run", "-q", "--", "sh", "-c", program("whose_malloc"))
    assert "libheaptag.so" in done.stdout


def test_without_a_report_it_says_why(heaptag):
    """A static program takes no preload; its own end still counts."""
    done = heaptag("run", "--", program("exits"), "kill")
    assert done.signal is not None
    lines = [line for line in done.stderr.splitlines() if line.startswith("heaptag: run: ")]
    assert len(lines) == 1 and "exits" in lines[0]


def test_help_lists_every_option():
    done = subprocess.run([COMMAND, "run", "--help"], env=base_environment(), check=True,
                          capture_output=True, text=True)
    for flag in ("--report", "--format", "--log", "--children", "--exec", "-q", "-o",
                 "--check[=basic|full]", "--kmem-debug[=0|1]", "--quarantine SIZE",
                 "--redzone BYTES", "--guard 1/N|all|tag:NAME|off", "--on-error report|abort",
                 "--error-exitcode N", "--suppressions FILE", "--stack N"):
        assert flag in done.stdout, flag


@pytest.mark.parametrize("name", ["KILL", "SEGV", "0", "foo"])
def test_a_signal_that_cannot_ask_for_reports(heaptag, name):
    done = heaptag("run", "--signal", name, "--", "/bin/true")
    assert done.status == 2 and done.stderr.count("\n") == 1
    assert f"--signal={name}" in done.stderr


def settings_of(done):
    return dict(line.split("=", 1) for line in done.ok().stdout.splitlines()
                if line.startswith("HEAPTAG_"))


def test_checking_options_reach_the_program(heaptag, tmp_path):
    (tmp_path / "known").write_text("")
    settings = settings_of(heaptag("run", "-q", "--check", "--kmem-debug", "--quarantine=64M",
                                   "--redzone", "32", "--guard=tag:a b,aligned", "--on-error",
                                   "report", "--stack=8", "--suppressions", "known", "env"))
    assert settings["HEAPTAG_CHECK"] == "basic" and settings["HEAPTAG_KMEM_DEBUG"] == "1"
    assert settings["HEAPTAG_QUARANTINE"] == "64M" and settings["HEAPTAG_REDZONE"] == "32"
    assert settings["HEAPTAG_GUARD"] == "tag:a b,aligned" and settings["HEAPTAG_STACK"] == "8"
    assert settings["HEAPTAG_ON_ERROR"] == "report"
    assert settings["HEAPTAG_SUPPRESSIONS"] == str(tmp_path / "known")
    settings = settings_of(heaptag("run", "-q", "--check=full", "--error-exitcode=9", "env"))
    assert settings["HEAPTAG_CHECK"] == "full" and "HEAPTAG_EXITCODE" not in settings
    settings = settings_of(heaptag("run", "--exec", "--error-exitcode=9", "env"))
    assert settings["HEAPTAG_EXITCODE"] == "9"


@pytest.mark.parametrize("option", ["--check=1", "--kmem-debug=yes", "--quarantine=1T",
                                    "--redzone=4096", "--guard=2/3", "--on-error=stop",
                                    "--error-exitcode=256", "--stack=65", "--suppressions=none"])
def test_checking_options_that_make_no_sense(heaptag, option):
    done = heaptag("run", option, "--", "/bin/true")
    assert (done.status, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"heaptag: run: {option}")
    assert len(line) > len(f"heaptag: run: {option} is")


@pytest.mark.parametrize("option,ours", [("--freelist-vol=1", "--quarantine"),
                                         ("--exit-on-first-error=yes", "--on-error"),
                                         ("--num-callers=30", "--stack"),
                                         ("--halt_on_error=1", "--on-error"),
                                         ("--SampleRate=1", "--guard")])
def test_checking_options_of_others(heaptag, option, ours):
    done = heaptag("run", option, "true")
    assert done.status == 2 and f"heaptag's is {ours}" in done.stderr


@pytest.fixture(name="with_error")
def fixture_with_error(heaptag, tmp_path):
    """A snapshot in which the checks have found something, as a program leaves it: frames without
    lines."""
    raw = tmp_path / "raw.snap"
    run([program("sites")], env={"HEAPTAG_REPORT": str(raw), "HEAPTAG_FORMAT": "json"}).ok()
    report = json.loads(raw.read_text())
    site = next(s for t in report["tags"] for s in t["sites"]
                if s["frames"] and (s["frames"][0]["module"] or "").endswith("/sites"))
    report["checks"] = True
    report["errors"] = [{"kind": "overflow", "found_when": "free", "address": "0x7f3a40012350",
                         "block": "0x7f3a40012340", "size": 16, "offset": 16, "length": 1,
                         "expected": "a5", "found": "00", "tag": "someone", "count": 1,
                         "allocated_by": site["frames"], "freed_by": [], "detected_at": [],
                         "neighbours": []}]
    raw.write_text(json.dumps(report))
    saved = tmp_path / "with_error.snap"
    assert heaptag("report", raw, "-o", saved).status == 1
    raw.unlink()
    return saved


def test_report_shows_errors_in_full(heaptag, with_error):
    done = heaptag("report", with_error)
    assert (done.status, done.stderr) == (1, "")
    first, blank, error, *rest = done.stdout.splitlines()
    assert first.endswith(", 1 error") and blank == ""
    assert re.fullmatch(r"==\d+== heaptag: ERROR: overflow: 1 byte at 0x7f3a40012350", error)
    (summary,) = [line for line in rest if " SUMMARY: " in line]
    assert re.search(r"== SUMMARY: heaptag: overflow \S*sites\.c:\d+ in \w+$", summary)
    assert rest.index(summary) < rest.index(next(line for line in rest if "  owner" in line))
    report = json.loads(heaptag("report", with_error, "--format", "json").stdout)
    assert report["checks"] and report["errors"][0]["allocated_by"][-1]["line"]


def test_status_says_that_something_was_found(heaptag, with_error):
    """The library leaves a second report beside one that is there: both are this run's."""
    script = f'cp {with_error} "$HEAPTAG_REPORT"; '
    for options, ending, status in (([], "exit 0", 23), (["--error-exitcode=9"], "exit 0", 9),
                                    ([], "exit 3", 3), (["--error-exitcode=9"], "exit 3", 3)):
        done = heaptag("run", *options, "--", "sh", "-c", script + ending)
        assert done.status == status, done.stderr
        assert len(re.findall(r"SUMMARY: heaptag: overflow \S*sites\.c:\d+ in", done.stderr)) == 1
        assert "ERROR" not in done.stderr
    done = heaptag("run", "-q", "--", "sh", "-c", script + "kill -KILL $$")
    assert done.signal is not None and done.signal.name == "SIGKILL"
    assert heaptag("run", "-q", "--check", "--", "sh", "-c", "true").status == 0


def test_errors_have_file_and_line_afterwards(heaptag):
    done = heaptag("run", "--check", "--guard=off", "--", program("planted"), "uaf_first_quiet",
                   "100", "bad")
    assert done.status == 23
    at_once, afterwards = re.findall(r"SUMMARY: heaptag: (.*)", done.stderr)
    assert re.fullmatch(r"use-after-free-write planted\+0x[0-9a-f]+ in the_freer", at_once)
    assert re.fullmatch(r"use-after-free-write \S*planted\S*:\d+ in the_freer", afterwards)
