"""`heaptag doctor -- PROG`: what cannot run under heaptag, and why; each with a twin that can."""
import os
import re
import shutil
import subprocess

import pytest

from diagnosis import (MAIN, Diagnosis, SOMEBODY, a_copy, build, diagnose, doctor, needs_root, open_to_all)
from live import running
from runner import BUILD, COMMAND, LIBRARY, program, run

pytestmark = pytest.mark.skipif(not COMMAND.exists(), reason=f"{COMMAND} is not built")

CAPABILITY = b"\x01\x00\x00\x02\x00\x20\x00\x00" + bytes(12)  # cap_net_raw, effective


def test_a_program_that_can_run_does_run(tmp_path):
    """The command that it proposes is typed, and works."""
    found = diagnose("--", program("mix"), "1", "100")
    assert (found.status, found.verdict) == (0, f"{program('mix')} can run under heaptag")
    assert set(found.grades()) == {"ok"}
    assert found.row("library")[1] == f"{LIBRARY.resolve()}, and its loader takes it"
    assert "LD_PRELOAD will be honoured" in found.row("privilege")[1]
    assert "owners with file and line" in found.row("symbols")[1]
    command = found.commands["run it"]
    assert command == f"heaptag run -- {program('mix')} 1 100"
    done = run(["sh", "-c", command], preload=False, cwd=tmp_path,
               env={"PATH": f"{BUILD}:/usr/bin:/bin"})
    assert done.status == 0 and "counted, not sampled" in done.stderr
    line = found.commands["systemd"]
    assert line == f"Environment=LD_PRELOAD={LIBRARY.resolve()} HEAPTAG_PROGRAMS=mix"


def test_commands_are_called_as_it_was_called(tmp_path):
    """Where PATH does not lead to it: a build."""
    words = ["sh", "-c", f"cd {BUILD} && ./heaptag doctor -- true"]
    assert "run it:            ./heaptag run -- true\n" in run(words, preload=False).stdout
    assert diagnose("--", "true").commands["run it"] == "heaptag run -- true"


def test_limited_address_space_is_said():
    words = ["sh", "-c", f"ulimit -v 8000000; {COMMAND} doctor -- true"]
    grade, text = Diagnosis(run(words, preload=False)).row("memory")
    assert grade == "warn" and "symbols of files are not mapped" in text
    assert diagnose("--", "true").row("memory")[0] == "ok"


def test_a_name_is_looked_up_in_path():
    assert diagnose("--", "true").verdict.startswith("/usr/bin/true can run")


def test_arguments_are_quoted_and_never_ours():
    found = diagnose("--", program("mix"), "--tags", "a b", "$x")
    assert found.commands["run it"].endswith("mix --tags 'a b' '$x'")
    assert not found.has("--tags")


def test_scripts_are_their_interpreters(tmp_path):
    for first in ("#!/bin/sh", "#!/usr/bin/env sh"):
        script = tmp_path / "script"
        script.write_text(f"{first}\nexit 0\n")
        script.chmod(0o755)
        found = diagnose("--", script)
        assert found.status == 0
        assert re.search(r"a script; what runs is \S*/sh\b", found.row("program")[1])
        assert "--children report" in found.commands["run it"]
    script.write_text("#!/nonexistent/interpreter\n")
    found = diagnose("--", script)
    assert found.status == 1 and "/nonexistent/interpreter" in found.verdict


# Privilege ----------------------------------------------------------------------------------------

def mark(path, kind):
    """The way of privilege, and who then is its user."""
    if kind == "capabilities":
        os.setxattr(path, "security.capability", CAPABILITY)
        return
    os.chown(path, 0 if kind == "setuid" else -1, 0 if kind == "setgid" else -1)
    path.chmod({"setuid": 0o4755, "setgid": 0o2755}[kind])


@pytest.mark.parametrize("kind", ["setuid", "setgid", "capabilities"])
def test_marks_of_privilege(tmp_path, kind):
    needs_root()
    path = a_copy("/bin/true", tmp_path / "prog")
    open_to_all(tmp_path)
    plain = diagnose("--", path, user=SOMEBODY)
    assert plain.status == 0 and plain.row("privilege")[0] == "ok"
    mark(path, kind)
    found = diagnose("--", path, "a", "b c", user=SOMEBODY)
    grade, text = found.row("privilege")
    assert (found.status, grade) == (1, "FAIL")
    assert kind in text and "the loader ignores LD_PRELOAD" in text
    assert re.search(rf"sudo {COMMAND.resolve()} run -- {path} a 'b c'\s", text + " "), "what to type instead"
    assert re.search(rf"heaptag run -- /tmp/prog a 'b c'\s", text + " ")
    assert not found.has("allocator"), "nothing is promised any more"
    as_root = diagnose("--", path)
    assert as_root.status == 0 and "LD_PRELOAD will be honoured" in as_root.row("privilege")[1]


def test_a_setuid_program_really_ignores_it(tmp_path):
    """What is said of them holds: the loader does it, whoever says so."""
    needs_root()
    path = a_copy(program("whose_malloc"), tmp_path / "prog")
    open_to_all(tmp_path)
    mark(path, "setuid")
    words = [f"LD_PRELOAD={LIBRARY}", path]
    for user, library in ((SOMEBODY, "libc.so.6"), (0, "libheaptag.so")):
        done = run(["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "env",
                    *words], preload=False)
        assert library in done.stdout
        assert diagnose("--", path, user=user).status == (1 if user else 0)


# Allocators ---------------------------------------------------------------------------------------

def test_a_malloc_of_its_own_and_one_that_is_only_called():
    found = diagnose("--", program("doctor_own_malloc"))
    assert found.status == 1
    assert "which would count nothing: it has a malloc of its own" in found.verdict
    assert "exports malloc, free, calloc, realloc of its own" in found.row("allocator")[1]
    twin = diagnose("--", program("doctor_takes_malloc"))
    assert twin.status == 0 and twin.row("allocator")[0] == "ok"


@pytest.mark.parametrize("quiet", [[], ["-q"]], ids=repr)
def test_heaptag_run_says_so_too_and_once(tmp_path, quiet):
    """The library does; the command adds nothing."""
    for name, says_so in (("doctor_own_malloc", True), ("doctor_takes_malloc", False)):
        done = run([COMMAND, "run", *quiet, "--", program(name)], preload=False, cwd=tmp_path)
        assert done.status == 0 and "no report from" not in done.stderr
        assert ("heaptag stands aside, nothing is counted" in done.stderr) == says_so
        assert not says_so or done.stderr.count("\n") == 1


def test_heaptag_run_says_so_once_of_what_is_executed(tmp_path):
    source = "#include <unistd.h>\nint main(void) { return sleep(1) != 0; }\n"
    own = "void* malloc(unsigned long n) { (void)n; return 0; }\n"
    for text, lines in ((own, 1), ("", 0)):
        path = build(tmp_path, f"lines{lines}", text + source, "-fno-builtin", "-rdynamic")
        done = run([COMMAND, "run", "-q", "--", "sh", "-c", f"exec {path}"], preload=False,
                   cwd=tmp_path)
        assert done.status == 0 and done.stderr.count("\n") == lines, done.stderr
        assert done.stderr.count("stands aside, nothing is counted") == lines


@pytest.mark.parametrize("name", ["libjemalloc.so.2", "libtcmalloc_minimal.so.4",
                                  "libmimalloc.so.2", "libjemallocate.so.1"])
def test_linked_allocators(tmp_path, name):
    """Known by their names: these have nothing in them. The last one only begins alike."""
    library = tmp_path / name
    subprocess.run(["gcc", "-shared", "-o", library, "-x", "c", "/dev/null", f"-Wl,-soname,{name}"],
                   check=True)
    path = build(tmp_path, "prog", MAIN, "-Wl,--no-as-needed", library,
                 f"-Wl,-rpath,{tmp_path}")
    found = diagnose("--", path)
    assert found.status == 0
    grade, text = found.row("allocator")
    if name.startswith("libjemallocate"):
        assert grade == "ok"
    else:
        assert grade == "warn" and f"links {name}: malloc and free move to heaptag" in text


def test_an_allocator_under_another_name(tmp_path):
    path = build(tmp_path, "prog", "void* je_malloc(unsigned long n) { (void)n; return 0; }\n" + MAIN)
    grade, text = diagnose("--", path).row("allocator")
    assert grade == "warn" and "je_malloc" in text and "not counted" in text
    twin = build(tmp_path, "twin", "void* my_malloc(unsigned long n) { (void)n; return 0; }\n" + MAIN)
    assert diagnose("--", twin).row("allocator")[0] == "ok"


@pytest.mark.parametrize("flag", ["address", "thread", "leak"])
def test_sanitizers(tmp_path, flag):
    found = diagnose("--", build(tmp_path, "prog", MAIN, f"-fsanitize={flag}"))
    assert found.status == 1 and "it is built with a sanitizer" in found.verdict
    twin = build(tmp_path, "twin", MAIN, "-fsanitize=undefined")
    assert diagnose("--", twin).row("allocator")[0] == "ok"


def test_python_uses_malloc_when_told_to():
    found = diagnose("--", "/usr/bin/python3", "x.py")
    assert found.row("allocator")[0] == "warn"
    command = found.commands["run it"]
    assert command == "PYTHONMALLOC=malloc heaptag run -- /usr/bin/python3 x.py"
    assert found.commands["systemd"].endswith(" PYTHONMALLOC=malloc")
    told = diagnose("--", "/usr/bin/python3", "x.py", env={"PYTHONMALLOC": "malloc"})
    assert told.row("allocator")[0] == "ok" and "PYTHONMALLOC" not in told.commands["run it"]


# Symbols, rules, environment ----------------------------------------------------------------------

def test_symbols(tmp_path):
    path = build(tmp_path, "prog", MAIN, "-g")
    assert diagnose("--", path).row("symbols")[0] == "ok"
    (tmp_path / "elsewhere").mkdir()
    debug = tmp_path / "elsewhere/x.debug"
    subprocess.run(["objcopy", "--only-keep-debug", path, debug], check=True)
    subprocess.run(["strip", "-g", path], check=True)
    grade, text = diagnose("--", path).row("symbols")
    assert grade == "warn" and "functions without lines" in text
    subprocess.run(["strip", path], check=True)
    grade, text = diagnose("--", path).row("symbols")
    assert grade == "warn" and text.startswith("stripped, no debug file for build-id ")
    subprocess.run(["objcopy", f"--add-gnu-debuglink={debug}", path], check=True)
    assert diagnose("--", path).row("symbols")[0] == "warn"
    shutil.copy(debug, tmp_path)
    grade, text = diagnose("--", path).row("symbols")
    assert grade == "ok" and "a debug file" in text


def test_a_file_without_a_build_id(tmp_path):
    path = build(tmp_path, "prog", MAIN, "-Wl,--build-id=none")
    assert "no build-id by which" in diagnose("--", path).row("symbols")[1]
    twin = build(tmp_path, "twin", MAIN)
    assert "no debug file for build-id " in diagnose("--", twin).row("symbols")[1]


def test_programs_are_known_by_their_files(tmp_path):
    (tmp_path / "other-name").symlink_to("/bin/true")
    (tmp_path / "same-name").write_text("#!/bin/sh\n")
    (tmp_path / "same-name").chmod(0o755)
    for name, said in (("other-name", "other-name runs (other-name is true here); "),
                       ("same-name", "same-name runs; ")):
        assert f"no program {said}" in doctor(name, env={"PATH": str(tmp_path)}).stderr


def test_a_saved_report_is_no_process(tmp_path):
    (tmp_path / "x.snap").write_text("")
    assert "heaptag report x.snap" in doctor("x.snap", cwd=tmp_path).stderr
    assert "heaptag doctor -- y.snap" in doctor("y.snap", cwd=tmp_path).stderr


def test_a_package_is_named_for_a_packaged_program():
    grade, text = diagnose("--", "/usr/bin/dpkg").row("symbols")
    assert grade == "ok" or "apt-get install dpkg-dbgsym" in text


RULES_SOURCE = """
__attribute__((noinline)) void conn_open(void) { __asm__(""); }
__attribute__((noinline)) void conn_close(void) { __asm__(""); }
int main(void) { conn_open(); conn_close(); return 0; }
"""


def test_what_tag_rules_match(tmp_path):
    path = build(tmp_path, "prog", RULES_SOURCE)
    rules = "conn=func:conn_*; img=lib:libimg*; c=lib:libc.so*; w=thread:worker-*; all=*"
    for found in (diagnose("--tags", rules, "--", path),
                  diagnose("--", path, env={"HEAPTAG_TAGS": rules})):
        topic = "--tags" if found.has("--tags") else "HEAPTAG_TAGS"
        grade, text = found.row(topic)
        assert (grade, found.status) == ("ok", 0)
        assert text.startswith("5 rules: conn=func:conn_* matches 2 functions; img=lib:libimg* no "
                               "library yet; c=lib:libc.so* matches libc.so.6; ")
        assert text.endswith("all=* matches everything")
    grade, text = diagnose("--tags", "x=func:nonesuch_*", "--", path).row("--tags")
    assert grade == "warn" and "no function with that name" in text
    subprocess.run(["strip", path], check=True)
    grade, text = diagnose("--tags", "x=func:conn_*", "--", path).row("--tags")
    assert grade == "warn" and "prog is stripped" in text


def test_rules_that_cannot_be_understood(tmp_path):
    found = diagnose("--tags", "x=fun:y", "--", program("mix"))
    assert found.status == 1 and "did you mean func:?" in found.row("--tags")[1]
    assert "run it" not in found.commands
    in_environment = diagnose("--", program("mix"), env={"HEAPTAG_TAGS": "x=fun:y"})
    assert in_environment.row("HEAPTAG_TAGS")[0] == "warn"
    assert diagnose("--tags", f"@{tmp_path}/gone", "--", program("mix")).status == 1
    (tmp_path / "rules").write_text("m=func:main\n# more\n")
    assert diagnose("--tags", "@rules", "--", program("mix"), cwd=tmp_path).row("--tags")[0] == "ok"


def test_where_the_report_goes(tmp_path):
    for path, grade in ((tmp_path / "%e.%p.txt", "ok"), ("r.txt", "ok"), ("/dev/null", "ok"),
                        ("/nonexistent/r.txt", "FAIL"), (tmp_path, "FAIL"),
                        ("/proc/self/status/r.txt", "FAIL")):
        found = diagnose("--", program("mix"), cwd=tmp_path,
                         env={"HEAPTAG_REPORT": str(path)})
        assert found.row("report")[0] == grade, path
        assert found.status == (grade == "FAIL")
        if found.status:
            assert "can run under heaptag, but its report cannot be written" in found.verdict
    assert not diagnose("--", program("mix")).has("report")


def test_a_folder_of_somebody_else(tmp_path):
    needs_root()
    open_to_all(tmp_path)
    environment = {"HEAPTAG_REPORT": str(tmp_path / "r.txt")}
    assert diagnose("--", "/bin/true", env=environment).status == 0
    found = diagnose("--", "/bin/true", env=environment, user=SOMEBODY)
    assert found.status == 1 and "is not writable: Permission denied" in found.row("report")[1]


def test_options_that_are_not_known():
    found = diagnose("--", program("mix"), env={"HEAPTAG_REPROT": "1"})
    assert found.status == 0
    assert found.row("options") == ("warn", "HEAPTAG_REPROT=1 is not known; the nearest is "
                                            "HEAPTAG_REPORT; it is ignored")
    assert not diagnose("--", program("mix"), env={"HEAPTAG_LOG": "stderr"}).has("options")


def test_other_preloads(tmp_path):
    other = tmp_path / "libother.so"
    source = tmp_path / "other.c"
    source.write_text("void* malloc(unsigned long n) { (void)n; return 0; }\n")
    subprocess.run(["gcc", "-fPIC", "-shared", "-fno-builtin", source, "-o", other], check=True)
    harmless = tmp_path / "libharmless.so"
    subprocess.run(["gcc", "-shared", "-o", harmless, "-x", "c", "/dev/null"], check=True)

    def preload_row(value):
        # The loader would take it into the command, too: it reads the variable of its own program.
        found = diagnose("--", program("mix"), env={"LD_PRELOAD": value})
        assert found.status == 0
        return found.row("LD_PRELOAD") if found.has("LD_PRELOAD") else None

    assert preload_row(str(harmless)) == ("ok", "has libharmless.so, which stays, behind heaptag")
    assert preload_row(str(LIBRARY)) is None


# Usage --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments,text", [
    (["999999999"], "there is no process 999999999"),
    (["no-such-program-anywhere"], "heaptag doctor -- no-such-program-anywhere"),
    (["./prog"], "heaptag doctor -- ./prog"),
    (["0"], "0 is the number of no process"),
    (["99999999999999999999"], "is the number of no process"),
    (["--"], "no program behind --"),
    ([""], "the target is empty"),
    (["1", "2"], "2 is one word too many"),
    (["1", "--", "true"], "a process or a program, not both"),
    (["--tgas", "x", "--", "true"], "did you mean --tags?"),
    (["--leak-check=full", "1"], "that is Valgrind's"),
    (["--alloc-fn=x", "1"], "heaptag's is heaptag run --wrappers"),
    (["--tags", "x=*", "1"], "--tags is of a program"),
], ids=str)
def test_usage_errors_are_one_line(arguments, text):
    done = doctor(*arguments)
    (line,) = done.stderr.splitlines()
    assert (done.status, done.stdout) == (2, "") and line.startswith("heaptag: doctor: ")
    assert text in line


def test_a_name_that_is_not_unique():
    with running("busy", 1, -1, wait_for="done") as one, \
         running("busy", 1, -1, wait_for="done", preload=False) as two:
        done = doctor("busy")
        assert done.status == 2
        assert f"busy runs 2 times; name a pid: {one.pid}, {two.pid}" in done.stderr


def test_a_process_that_has_ended():
    child = subprocess.Popen(["/bin/true"])
    while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT) is None:
        pass
    done = doctor(child.pid)
    child.wait()
    assert done.status == 2 and "has ended; only its status is left" in done.stderr


def test_help_is_there():
    text = doctor("--help").stdout
    assert "Exit status: 0 it can be" in text and "--tags RULES|@FILE" in text
    assert max(map(len, text.splitlines())) <= 90
    assert "heaptag doctor" in run([COMMAND, "--help"], preload=False).stdout
