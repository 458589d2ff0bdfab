"""`heaptag doctor -- PROG`: files of all kinds, each that cannot be run with a twin that can."""
import os
import re
import subprocess

import pytest

from diagnosis import SOMEBODY, a_copy, diagnose, needs_root, open_to_all
from runner import COMMAND, LIBRARY, program, run

pytestmark = pytest.mark.skipif(not COMMAND.exists(), reason=f"{COMMAND} is not built")

CANNOT_BE = [
    ("static", "statically linked", "link it without -static"),
    ("32-bit", "it is no x86-64 program", "run its x86-64 build"),
    ("arm", "it is no x86-64 program", "run its x86-64 build"),
    ("musl", "it is not loaded by glibc", "run a build for glibc"),
    ("no loader", "its loader does not exist", None),
    ("data", "neither an ELF file nor a script", None),
    ("cut off", "the file is cut off", "install or copy it again"),
    ("cut off in its header", "the file is cut off", "install or copy it again"),
    ("object", "it is an object file", "link it"),
    ("library", "it is a shared library", "name a program that uses it"),
    ("loader", "no program behind the loader", "name the program"),
    ("device", "it is a character device", None),
    ("fifo", "it is a FIFO", None),
    ("text that is no program", "it is not a program", None),
    ("carriage return", "its first line ends in a carriage return", "sed -i 's/\\r$//'"),
    ("carriage return behind env", "its first line ends in a carriage return",
     "sed -i 's/\\r$//'"),
    ("nothing behind env", "no-such-interpreter, which /usr/bin/env is to run", None),
    ("not executable", "it may not be executed", "chmod +x"),
    ("not there", "No such file or directory", None),
    ("not in path", "not found in PATH", "heaptag doctor -- /path/to/no-such-program-anywhere"),
    ("folder", "it is a directory", "name the program in it"),
]


def change_loader(path, loader):
    image = path.read_bytes()
    old = b"/lib64/ld-linux-x86-64.so.2\0"
    assert image.count(old) == 1
    path.write_bytes(image.replace(old, loader.ljust(len(old), b"\0")))


SPECIAL = {"library": LIBRARY.resolve(), "loader": "/lib64/ld-linux-x86-64.so.2",
           "device": "/dev/null"}
CONTENTS = {"data": bytes(100), "text that is no program": b"just text\n",
            "carriage return": b"#!/bin/sh\r\nexit 0\r\n",
            "carriage return behind env": b"#!/usr/bin/env sh\r\nexit 0\r\n",
            "nothing behind env": b"#!/usr/bin/env no-such-interpreter\n"}


def make(kind, folder):
    path = folder / "prog"
    if kind == "static":
        return program("doctor_static")
    if kind == "not in path":
        return "no-such-program-anywhere"
    if kind == "not there":
        return path
    if kind == "folder":
        path.mkdir()
        return path
    if kind in SPECIAL:
        return SPECIAL[kind]
    if kind in CONTENTS:
        path.write_bytes(CONTENTS[kind])
        path.chmod(0o644 if kind == "text that is no program" else 0o755)
        return path
    if kind == "fifo":
        os.mkfifo(path, 0o755)
        return path
    if kind == "object":
        subprocess.run(["gcc", "-c", "-x", "c", "/dev/null", "-o", path], check=True)
        path.chmod(0o755)
        return path
    a_copy(program("mix"), path, 0o644 if kind == "not executable" else 0o755)
    image = bytearray(path.read_bytes())
    if kind.startswith("cut off"):
        image = image[:40 if kind.endswith("header") else 3000]
    elif kind == "32-bit":  # the head of a file of that kind, and nothing else
        image = bytearray(b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x02\0\x03\0\x01\0\0\0" + bytes(28))
    elif kind == "arm":
        image[18:20] = b"\xb7\0"
    path.write_bytes(image)
    if kind == "musl":
        change_loader(path, b"/lib/ld-musl-x86_64.so.1")
    elif kind == "no loader":
        change_loader(path, b"/gone/ld-linux-x86-64.so.2")
    return path


@pytest.mark.parametrize("kind,verdict,step", CANNOT_BE, ids=[row[0] for row in CANNOT_BE])
def test_what_cannot_run_under_heaptag(tmp_path, kind, verdict, step):
    word = make(kind, tmp_path)
    found = diagnose("--", word)
    assert found.status == 1
    assert found.verdict.startswith(f"{word} cannot run under heaptag: ")
    assert verdict in found.verdict
    assert found.grades() == ["FAIL"] and "run it" not in found.commands
    assert step is None or re.search(rf"^ +do +.*{re.escape(step)}", found.text, re.M)


def test_its_innocent_twin_can(tmp_path):
    assert diagnose("--", a_copy(program("mix"), tmp_path / "prog")).status == 0


@pytest.mark.parametrize("text", [b"exit 3\n", b"", b"#!\nexit 3\n"], ids=repr)
def test_text_without_an_interpreter_is_the_shells(tmp_path, text):
    """Shells and `heaptag run` hand it to /bin/sh; systemd does not."""
    path = tmp_path / "prog"
    path.write_bytes(text)
    path.chmod(0o755)
    found = diagnose("--", path)
    assert found.status == 0 and "without #!; what runs is /bin/sh: " in found.row("program")[1]
    assert "systemd" not in found.commands
    done = run([COMMAND, "run", "-q", "--", path], preload=False, cwd=tmp_path)
    assert (done.status, done.stderr) == (3 if text else 0, "")


@pytest.mark.parametrize("kind", ["data", "cut off in its header"])
def test_what_is_no_text_goes_to_no_shell(tmp_path, kind):
    done = run([COMMAND, "run", "--", make(kind, tmp_path)], preload=False, cwd=tmp_path)
    assert (done.status, done.stdout) == (126, "")
    assert done.stderr.endswith("cannot be executed: Exec format error\n")


def test_run_names_the_carriage_return(tmp_path):
    script = make("carriage return", tmp_path)
    done = run([COMMAND, "run", "--", script], preload=False, cwd=tmp_path)
    assert done.status == 127
    assert "its interpreter '/bin/sh\\r' does not exist: its first line ends in CR LF" in done.stderr
    subprocess.run(["sed", "-i", r"s/\r$//", script], check=True)
    assert run([COMMAND, "run", "-q", "--", script], preload=False, cwd=tmp_path).status == 0


def test_a_program_behind_the_loader(tmp_path):
    loader = "/lib64/ld-linux-x86-64.so.2"
    found = diagnose("--", loader, program("mix"), "1", "100")
    assert found.status == 0 and found.verdict.startswith(f"{program('mix')} can run")
    assert f"the loader itself; what runs is {program('mix')}: " in found.row("program")[1]
    run([COMMAND, "run", "-q", "-o", "r.json", "--", loader, program("mix"), "1", "100"],
        preload=False, cwd=tmp_path).ok()
    assert (tmp_path / "r.json").exists()
    assert diagnose("--", loader, program("doctor_static")).status == 1
    assert diagnose("--", loader, "--library-path", "/tmp", program("mix")).status == 0


def test_what_may_not_be_read_is_not_judged(tmp_path):
    needs_root()
    path = a_copy("/bin/true", tmp_path / "prog")
    open_to_all(tmp_path)
    assert diagnose("--", path, user=SOMEBODY).status == 0
    path.chmod(0o711)
    found = diagnose("--", path, user=SOMEBODY)
    assert found.status == 2 and found.verdict.startswith(f"whether {path} can run under heaptag")
    assert "may be executed but not read by uid 65534" in found.row("program")[1]
    assert diagnose("--", path).status == 0


def test_what_shell_scripts_start_is_not_looked_at(tmp_path):
    """So no promise is made of it, and no pattern leaves it out; of other scripts it is known."""
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\nexec /bin/true\n")
    script.chmod(0o755)
    found = diagnose("--", script)
    grade, text = found.row("program")
    assert grade == "warn" and "the programs that it starts are not looked at" in text
    assert "HEAPTAG_PROGRAMS" not in found.commands["systemd"]
    script.write_text("#!/usr/bin/perl\n")
    found = diagnose("--", script)
    assert found.row("program")[0] == "ok"
    assert found.commands["systemd"].endswith("HEAPTAG_PROGRAMS=perl")


def test_a_unit_has_what_was_examined():
    environment = {"HEAPTAG_TAGS": "m=func:main", "HEAPTAG_REPORT": "/tmp/%p.txt"}
    line = diagnose("--", program("mix"), env=environment).commands["systemd"]
    assert line.endswith(" HEAPTAG_PROGRAMS=mix HEAPTAG_REPORT=/tmp/%%p.txt HEAPTAG_TAGS=m=func:main")


def test_names_that_are_no_patterns(tmp_path):
    path = a_copy(program("mix"), tmp_path / "a,b")
    assert "HEAPTAG_PROGRAMS" not in diagnose("--", path).commands["systemd"]


def test_a_library_that_is_missing(tmp_path):
    source = tmp_path / "x.c"
    source.write_text("int f(void){return 0;}\n#ifdef MAIN\nint main(void){return 0;}\n#endif\n")
    library, binary = tmp_path / "libgone.so", tmp_path / "prog"
    subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", library], check=True)
    subprocess.run(["gcc", "-DMAIN", source, "-Wl,--no-as-needed", library,
                    f"-Wl,-rpath,{tmp_path}", "-o", binary], check=True)
    assert diagnose("--", binary).status == 0
    library.unlink()
    found = diagnose("--", binary)
    assert found.status == 1 and "libgone.so" in found.row("program")[1]
    done = run([COMMAND, "run", "--", binary], preload=False, cwd=tmp_path)
    assert done.status == 127 and re.search(r": its loader did not find \S*libgone.so\n$", done.stderr)


def test_a_program_that_its_loader_refuses(tmp_path):
    """Of a newer C library: it asks for a version that is not here."""
    path = a_copy(program("mix"), tmp_path / "prog")
    image = path.read_bytes()
    assert image.count(b"GLIBC_2.34\0") >= 1
    assert diagnose("--", path).status == 0
    hash_34, hash_99 = (0x069691b4).to_bytes(4, "little"), (0x06969119).to_bytes(4, "little")
    path.write_bytes(image.replace(b"GLIBC_2.34\0", b"GLIBC_2.99\0").replace(hash_34, hash_99))
    found = diagnose("--", path)
    assert found.status == 1 and "its loader refuses it" in found.verdict
    assert "GLIBC_2.99" in found.text
