"""Areas: every sentence of the Be Book's pages on them, and where Haiku says something else.

The cases are programs (programs/areas/*.c), each against the public header and in processes of its
own; their names have the numbers of the list of conformance cases. After each the registry is
empty.
"""
import json
import os
import re
import subprocess

import pytest

from areas import AREAS, FOLDER, NEXT_ID_AT, Registry, cases_of
from runner import BUILD, COMMAND, LIBRARY, ROOT, base_environment, program, run, tool_or_skip

pytestmark = pytest.mark.skipif(not AREAS.exists(), reason=f"{AREAS} is not built")

PROGRAMS = ("create", "clone", "lookup", "change")
SLOW = {"k10_storm", "killed_anywhere", "i1_ids_grow"}
FORK_RULES = ("shared", "haiku", "be")
INT32_MAX = 2**31 - 1


def case(name, label):
    marks = [pytest.mark.slow] if label in SLOW else []
    return pytest.param(name, label, id=f"{name}-{label}", marks=marks)


@pytest.fixture
def registry():
    one = Registry()
    yield one
    one.remove()


@pytest.fixture
def holder(registry):
    """A process with three areas: 16 pages, a clone of them, and one locked page."""
    process = subprocess.Popen([program("areas_lookup"), "-holds"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE,
                               env={**base_environment(), **registry.environment})
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("preload", [False, True], ids=["alone", "under heaptag"])
@pytest.mark.parametrize("name,label", [case(n, c) for n in PROGRAMS for c in cases_of(n)])
def test_case(registry, name, label, preload):
    registry.hold(name, label, preload=preload)
    registry.check_empty()


@pytest.mark.parametrize("rule", FORK_RULES)
@pytest.mark.parametrize("label", cases_of("forks"))
def test_fork(registry, label, rule):
    """Y1 to Y3, by each of the three rules."""
    registry.hold("forks", label, env={"HEAPTAG_AREAS_FORK": rule})
    registry.check_empty()


@pytest.mark.parametrize("label", cases_of("haiku"))
def test_haiku(registry, label):
    """D3 to D13: the other codes; and without the option the document's hold (test_case)."""
    registry.hold("haiku", label, env={"HEAPTAG_AREAS_DIALECT": "haiku"})
    registry.check_empty()
    done = registry.case("haiku", label)
    assert done.status == 1 and "haiku.c" in done.stderr, "the option makes no difference"


@pytest.mark.slow
@pytest.mark.parametrize("label", cases_of("storm"))
def test_storm(registry, label):
    """K10: nothing is left of a hundred processes, however they have ended."""
    before = set(FOLDER.iterdir())
    registry.hold("storm", label, timeout=300)
    registry.check_empty()
    mine = {p for p in set(FOLDER.iterdir()) - before if registry.name in p.name}
    assert mine == {registry.path}
    assert registry.path.stat().st_blocks * 512 < 1 << 20


def test_ids_wrap(registry):
    """I2: behind the largest comes 1."""
    registry.sweep()
    registry.patch(NEXT_ID_AT, (INT32_MAX - 1).to_bytes(4, "little"))
    registry.hold("create", "-i2_ids_wrap")


def test_ids_in_use_are_left_out(registry, holder):
    """I2: also where the number is none."""
    for start in (1, 0, -5 & 0xffffffff):
        registry.patch(NEXT_ID_AT, start.to_bytes(4, "little"))
        registry.hold("create", "-i2_live_ids_are_skipped")


def test_registries_are_apart(registry, holder):
    """Two name spaces: the same ids, and neither finds the other's names."""
    other = Registry()
    try:
        other.hold("create", "c1_example")
        assert other.records() == ([], []) and other.header()["next_id"] == 2
        assert len(registry.records()[0]) == 3
    finally:
        other.remove()


def test_private_file(registry):
    """Readable by nobody else, whatever the umask; still there, small, when it is empty."""
    registry.hold("create", "c1_example", prepare=lambda: os.umask(0))
    assert registry.path.stat().st_mode & 0o777 == 0o600
    registry.remove()
    registry.hold("create", "c1_example", prepare=lambda: os.umask(0o777))
    assert registry.path.stat().st_mode & 0o777 == 0o600
    assert registry.path.stat().st_blocks * 512 < 64 * 1024


def test_removed_under_a_process(registry, holder):
    """Who has areas keeps the registry that they are in; others begin a new one."""
    registry.path.unlink()
    registry.hold("create", "c1_example")
    holder.communicate()
    assert holder.returncode == 0
    registry.check_empty()


@pytest.mark.parametrize("name,value,advice", [
    ("DIALECT", "beos", "is neither be nor haiku"),
    ("FORK", "", "is none of shared, haiku, be"),
    ("FOREIGN_DELETE", "yes", "is neither 0 nor 1"),
    ("NAMESPACE", "../x", "is no name of 1 to 32 letters, digits, - and _"),
])
@pytest.mark.parametrize("preload", [False, True], ids=["alone", "under heaptag"])
def test_bad_option(registry, name, value, advice, preload):
    """Said once, by whichever of the two libraries is there; the program runs."""
    env = {**registry.environment, f"HEAPTAG_AREAS_{name}": value}
    done = run([program("areas_lookup"), "list"], env=env, preload=preload)
    assert done.status == 0
    assert done.stderr == f"heaptag: HEAPTAG_AREAS_{name}={value} {advice}; it is ignored\n"


@pytest.mark.parametrize("name", ["areas_header", "areas_header_cxx"])
def test_header(registry, name):
    """With types that the program has, with other headers, in C11 and C++."""
    run([program(name)], env=registry.environment, preload=False).ok()
    registry.check_empty()


@pytest.mark.parametrize("compiler,suffix,standard", [
    ("gcc", "c", "c11"), ("g++", "cc", "c++11"), ("g++", "cc", "c++20"),
    ("clang", "c", "c11"), ("clang++", "cc", "c++20"),
])
def test_header_without_warnings(tmp_path, compiler, suffix, standard):
    tool = tool_or_skip(compiler)
    source = tmp_path / f"alone.{suffix}"
    source.write_text("#include <heaptag/area.h>\nint main(void) { return find_area(\"a\") > 0; }\n")
    subprocess.run([tool, f"-std={standard}", "-Wall", "-Wextra", "-pedantic", "-Wshadow", "-Werror",
                    "-I", ROOT / "preload/include", "-c", source, "-o", tmp_path / "alone.o"],
                   check=True)


def test_own_names(registry):
    """A program with a create_area of its own runs unchanged, with both libraries preloaded."""
    plain = run([program("areas_own_names")], preload=False).ok()
    both = run([program("areas_own_names")], library=f"{LIBRARY}:{AREAS}").ok()
    assert both.outcome == plain.outcome
    assert plain.stdout == "42.0 mine 7\n"


def test_exports_are_ours(registry):
    symbols = subprocess.run(["nm", "-D", "--defined-only", AREAS], capture_output=True, text=True,
                             check=True).stdout
    names = [line.split()[-1] for line in symbols.splitlines()]
    assert names and all(name.startswith("heaptag_") for name in names), names
    header = (ROOT / "preload/include/heaptag/area.h").read_text()
    labels = re.findall(r'__asm__\("(\w+)"\)', header)
    assert set(labels) < set(names) and len(labels) == 9


def test_loaded_late(registry):
    """dlopen instead of linking."""
    code = ("import ctypes, sys\n"
            "areas = ctypes.CDLL(sys.argv[1])\n"
            "at = ctypes.c_void_p()\n"
            "make = areas.heaptag_create_area\n"
            "make.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_size_t,"
            " ctypes.c_uint32, ctypes.c_uint32]\n"
            "id = make(b'late', ctypes.byref(at), 0, 8192, 0, 3)\n"
            "ctypes.memset(at, 65, 8192)\n"
            "print(id, areas.heaptag_find_area(b'late'), areas.heaptag_area_for(at))\n")
    done = run(["/usr/bin/python3", "-c", code, AREAS], env=registry.environment).ok()
    assert done.stdout == "1 1 1\n"
    registry.check_empty()


def test_no_allocation(registry):
    """X3: no call of the allocator comes from the library: its imports have none."""
    imports = subprocess.run(["nm", "-D", "--undefined-only", AREAS], capture_output=True,
                             text=True, check=True).stdout
    assert not re.search(r"\b(malloc|calloc|realloc|free|_Znwm|_ZdlPv)\b", imports)


def list_areas(registry, *options):
    return run([COMMAND, "areas", *options], env=registry.environment, preload=False)


def test_command_lists(registry, holder):
    lines = list_areas(registry).ok().stdout.splitlines()
    assert lines[0].split() == ["ID", "TEAM", "PROGRAM", "NAME", "ADDRESS", "SIZE", "ALLOC", "LOCK",
                                "PROT", "SHARED"]
    assert len(lines) == 5 and len({len(line.rstrip()) for line in lines[:4]}) == 1, lines
    assert lines[1].split()[:2] == ["1", str(holder.pid)]
    assert re.search(r"areas_lookup +held by a test +0x\w+ +64.0K +12.0K +- +rw- +2$", lines[1])
    assert re.search(r" its clone +0x\w+ +64.0K +12.0K +- +r-- +2$", lines[2])
    assert re.search(r" bad\?\?name +0x\w+ +4.00K +4.00K +full +rw- +1$", lines[3])
    assert lines[4] == ("3 areas of 1 team, 16.0K allocated: "
                        "what several areas show is counted once")
    assert " 65,536 " in list_areas(registry, "--bytes").ok().stdout


def test_command_json(registry, holder):
    found = json.loads(list_areas(registry, "--json").ok().stdout)
    assert found["registry"] == str(registry.path) and found["dead"] == 0
    first, clone, locked = found["areas"]
    assert first == {"id": 1, "name": "held by a test", "team": holder.pid,
                     "program": "areas_lookup", "address": first["address"], "size": 65536,
                     "allocated": 12288, "lock": "-", "protection": "rw-", "memory": 0,
                     "shared": 2}
    assert clone["memory"] == first["memory"] != locked["memory"]
    assert locked["name"] == "bad\n\x1bname" and locked["lock"] == "full"


def test_command_forgets_the_dead(registry, holder):
    holder.kill()
    holder.wait()
    done = list_areas(registry).ok().stdout
    assert done.startswith("no areas in ") and "3 areas of processes that have ended" in done
    assert len(registry.records()[0]) == 3
    done = list_areas(registry, "--gc").ok().stdout.splitlines()
    assert done[0] == "3 areas of processes that have ended, now forgotten"
    assert registry.records() == ([], [])
    assert list_areas(registry, "--gc").ok().stdout.splitlines()[0].startswith("0 areas ")


def test_command_without_areas(registry):
    done = list_areas(registry).ok()
    assert done.stdout == (f"no areas in {registry.path}; programs make them with create_area "
                           "(heaptag/area.h)\n")
    assert not registry.path.exists(), "looking makes no registry"


@pytest.mark.parametrize("options,words", [
    (["--gcc"], "--gcc"), (["--namespace", "a/b"], "--namespace=a/b: no name of 1 to 32 letters"),
    (["extra"], "extra"),
])
def test_command_refuses(registry, options, words):
    done = list_areas(registry, *options)
    assert done.status == 2 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_command_with_a_broken_registry(registry):
    registry.sweep()
    registry.patch(0, b"\0")
    for options in ([], ["--gc"]):
        done = list_areas(registry, *options)
        assert done.status == 2 and done.stderr.startswith("heaptag: areas: "), done.stderr
    registry.path.unlink()
    registry.path.symlink_to("/dev/null")
    assert "no registry of this user's" in list_areas(registry).stderr


def test_command_shows_the_systems(registry):
    code = ("import ctypes, sys\n"
            "areas = ctypes.CDLL(sys.argv[1])\n"
            "at = ctypes.c_void_p()\n"
            "print(areas.heaptag_create_area(b'stays', ctypes.byref(at), 4, ctypes.c_size_t(4096),"
            " 0, 3))\n")
    run(["/usr/bin/python3", "-c", code, AREAS], env=registry.environment, preload=False).ok()
    line = list_areas(registry).ok().stdout.splitlines()[1]
    assert line.split()[:4] == ["1", "1", "system", "stays"]
    assert len(registry.others()) == 1
    code = "import ctypes, sys\nprint(ctypes.CDLL(sys.argv[1]).heaptag_delete_area(1))\n"
    done = run(["/usr/bin/python3", "-c", code, AREAS], env=registry.environment, preload=False)
    assert done.ok().stdout == "0\n"
    registry.check_empty()


def test_installed(registry, tmp_path):
    """Library, header and pkg-config file: a program builds and runs against what was installed."""
    cmake, compiler = tool_or_skip("cmake"), tool_or_skip("gcc")
    subprocess.run([cmake, "--install", BUILD, "--prefix", tmp_path], check=True,
                   capture_output=True)
    (found,) = tmp_path.rglob("heaptag-areas.pc")
    text = found.read_text()
    assert "-lheaptag-areas" in text
    lib = found.parents[1]
    subprocess.run([compiler, "-std=c11", "-I", tmp_path / "include",
                    ROOT / "tests/programs/areas/header.c", "-o", tmp_path / "program", "-L", lib,
                    "-lheaptag-areas"], check=True)
    run([tmp_path / "program"], env={**registry.environment, "LD_LIBRARY_PATH": str(lib)},
        preload=False).ok()
    registry.check_empty()
