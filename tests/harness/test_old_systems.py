"""The public headers as C and C++, the ways to get at the library, and names that stay free."""
import pathlib
import re
import subprocess

import pytest

from old_systems import HOWS, holds, other_lines, panics_of, passes
from runner import LIBRARY, PROGRAMS, ROOT, base_environment, program, run, tool_or_skip

INCLUDE = ROOT / "preload/include"
HEADERS = sorted(path.relative_to(INCLUDE).as_posix() for path in INCLUDE.rglob("*.h"))
STANDARDS = {"c11": "cc", "gnu89": "cc", "c17": "cc", "c++17": "c++", "c++20": "c++"}
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wcast-align", "-Wstrict-aliasing", "-Werror"]
GENERIC = re.compile(r"OSMalloc|OSFree|OSMT|MALLOC|FREE|malloc_type|osf_|panic|_area|_pool|_module")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("standard", STANDARDS)
@pytest.mark.parametrize("header", HEADERS)
def test_each_header_alone(header, standard, compiler):
    language = STANDARDS[standard]
    name = compiler if language == "cc" else {"gcc": "g++", "clang": "clang++"}[compiler]
    path = tool_or_skip(name)
    text = (INCLUDE / header).read_text()
    for wanted in re.findall(r"#include <(heaptag/[^>]*)>", text):
        if not (INCLUDE / wanted).exists():
            pytest.skip(f"{wanted} is not there")
    pedantic = ["-pedantic", *WARNINGS] if standard != "gnu89" else []
    done = subprocess.run(
        [path, "-x", "c" if language == "cc" else "c++", f"-std={standard}", *pedantic, "-c",
         "-o", "/dev/null", f"-I{INCLUDE}", f"-I{INCLUDE}/heaptag/compat", "-"],
        input=f"#include <{header}>\n#include <{header}>\nextern int unused;\n",
        capture_output=True, text=True, env=base_environment(), check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr


@pytest.mark.parametrize("standard", ["c89", "gnu89", "c99", "gnu17"])
@pytest.mark.parametrize("name,use", [
    ("libkern/OSMalloc.h", "void* f(OSMallocTag t) { return OSMalloc(1, t); }"),
    ("sys/malloc.h", "void f(u_long n) { char* p; MALLOC(p, caddr_t, n, M_DEVBUF, M_NOWAIT);"
                     " FREE(p, M_DEVBUF); }"),
    ("sys/malloc.h", "static MALLOC_DEFINE(M_X, \"x\", \"one\"); static MALLOC_TYPE_DEFINE(y, \"y\", 5);"
                     "void g(void) { void* p; MALLOC(p, void*, 1, M_X, 0); FREE(p, y); }"),
    ("OS.h", "area_id f(void) { return find_area(\"x\"); }"),
    ("kernel/OS.h", "status_t f(area_id a) { return delete_area(a); }"),
    ("drivers/area_malloc.h", "const char* f(void) { return B_AREA_MALLOC_MODULE_NAME; }")])
def test_old_names_of_headers(name, use, standard):
    """One folder more is all that an old source needs."""
    done = subprocess.run(
        [tool_or_skip("gcc"), "-x", "c", f"-std={standard}", "-Wall", "-Werror", "-c", "-o",
         "/dev/null", f"-I{INCLUDE}/heaptag/compat", "-"],
        input=f"#include <{name}>\n{use}\n", capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr


@pytest.mark.parametrize("options", [["-rdynamic"], ["-no-pie"]])
def test_a_variable_of_the_old_name_is_the_programs(options, tmp_path):
    source = """
        #include <stdio.h>
        #include <stdlib.h>
        long before = 4, kmem_corrupt_data = 5, behind = 6;
        char* volatile block;
        int main(void) {
          block = malloc(100);
          free(block);
          block[3] ^= 1;
          for (int i = 0; i < 100; i++) block = malloc(100);
          printf("%ld %ld %ld\\n", before, kmem_corrupt_data, behind);
          return 0;
        }"""
    path = tmp_path / "own_variable"
    subprocess.run([tool_or_skip("gcc"), "-x", "c", "-w", *options, "-o", path, "-"],
                   input=source.replace("\\\\", "\\"), text=True, check=True)
    done = run([path], env={"HEAPTAG_KMEM_DEBUG": "1", "HEAPTAG_ON_ERROR": "report",
                            "HEAPTAG_QUARANTINE": "0"})
    assert done.stdout == "4 5 6\n" and "use-after-free-write" in done.stderr


@pytest.mark.parametrize("case", ["osmalloc", "mtype"])
@pytest.mark.parametrize("how", HOWS)
def test_cxx(case, how):
    passes("old_systems/in_cxx", case, how=how)


@pytest.mark.parametrize("case", ["installing", "nested", "leaving", "threads"])
@pytest.mark.parametrize("how", HOWS)
def test_panic_hook(case, how):
    """Every panic has its line, whatever the hook does."""
    done = holds("old_systems/hooks", case, how=how, env={"HEAPTAG_PANIC": "warn"})
    count = {"installing": 3, "nested": 3, "leaving": 1000, "threads": 1}[case]
    assert len(panics_of(done.stderr)) == count, done.stderr[-2000:]
    assert other_lines(done.stderr) == []


@pytest.mark.parametrize("case", ["alone", "among_threads"])
@pytest.mark.parametrize("how", HOWS)
def test_forks(case, how):
    passes("old_systems/forks", case, how=how)


def test_types_of_plugins():
    passes("old_systems/plugins", "types", PROGRAMS / "lib_types.so")


def test_opened_at_run_time():
    done = run([program("old_systems/by_dlsym"), LIBRARY], preload=False).ok()
    assert done.stdout == "ok\n", done.stdout


def test_found_under_the_preload():
    done = run([program("old_systems/by_dlsym")]).ok()
    assert done.stdout == "ok\n", done.stdout
    without = run([program("old_systems/by_dlsym")], preload=False)
    assert without.status == 1 and "heaptag_OSMalloc_Tagalloc" in without.stdout


def test_a_program_keeps_its_own_functions(run_both):
    assert run_both([program("old_systems/own_functions")]).ok().stdout == "ok\n"


def test_no_generic_name_is_exported():
    readelf = tool_or_skip("readelf")
    symbols = subprocess.run([readelf, "--dyn-syms", "-W", str(LIBRARY)], check=True,
                             capture_output=True, text=True).stdout
    names = [words[7].split("@")[0] for line in symbols.splitlines()
             if len(words := line.split()) >= 8 and words[6] not in ("UND", "Ndx")]
    assert "heaptag_OSMalloc" in names and "heaptag_mtype_malloc" in names
    assert [name for name in names
            if GENERIC.search(name) and not name.startswith("heaptag_")] == []


def declared_symbols():
    """What the headers of OSMalloc, MALLOC and panics promise."""
    wanted = set()
    for name in ("panic", "osmalloc", "mtype", "malloc_type", "mtype_stats", "kmem_debug"):
        text = re.sub(r"/\*.*?\*/", "", (INCLUDE / f"heaptag/{name}.h").read_text(), flags=re.S)
        wanted |= set(re.findall(r'__asm__\("(\w+)"\)', text))
        wanted |= {match for match in re.findall(
            r"^(?:extern )?[\w ]+?[\s*]+(heaptag_\w+)\([^{]*?\);", text, re.M)
            if not match.endswith("_here")}
    return wanted | {"kmem_corrupt_data"}


def test_every_declared_symbol_is_exported():
    wanted = declared_symbols()
    assert len(wanted) >= 24, sorted(wanted)
    readelf = tool_or_skip("readelf")
    symbols = subprocess.run([readelf, "--dyn-syms", "-W", str(LIBRARY)], check=True,
                             capture_output=True, text=True).stdout
    exported = set(re.findall(r" (\w+)(?:@\S*)?$", symbols, re.M))
    assert sorted(wanted - exported) == []


def test_programs_are_linked_with_the_library_alone():
    """No generic name is wanted from it."""
    nm = tool_or_skip("nm")
    for path in (*pathlib.Path(PROGRAMS / "osmalloc").iterdir(),
                 *pathlib.Path(PROGRAMS / "mtype").iterdir()):
        wanted = subprocess.run([nm, "-D", "--undefined-only", path], check=True,
                                capture_output=True, text=True).stdout.split()
        assert [name for name in wanted
                if GENERIC.search(name) and not name.startswith("heaptag_")] == [], path
