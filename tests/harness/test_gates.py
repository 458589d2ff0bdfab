"""The static gates can fail: each is shown one input that it must refuse and a twin that passes."""
import subprocess
import sys

import pytest

from runner import ROOT

LAYERS = "core/base:\ncore/heap: core/base\npreload: core/*\ntools: core/base\n"


def gate(script, *arguments):
    done = subprocess.run([sys.executable, "-B", ROOT / ".ci" / script, *map(str, arguments)],
                          capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize("name,text,complaint", [
    ("core/heap/a.h", '#include "core/base/b.h"\n#include <array>\n', None),
    ("core/base/a.h", '#include "core/heap/b.h"\n', "layer core/base may not include"),
    ("core/base/a.h", "#include <vector>\n", "<vector> is not on the no-allocation list"),
    ("preload/a.cc", "#include <string>\n", "<string> is not on the no-allocation list"),
    ("core/heap/a.cc", "#include <sys/mman.h>\n", "system header <sys/mman.h>"),
    ("core/heap/a.cc", '#include "b.h"\n', "not written from the repository root"),
    ("preload/a.cc", '#include <dlfcn.h>\n#include "core/heap/b.h"\n', None),
    ("tools/a.cc", '#include <vector>\n#include "core/base/b.h"\n', None),
    ("tools/a.cc", '#include "core/heap/b.h"\n', "layer tools may not include"),
    ("core/new/a.h", "#pragma once\n", "core/new: not in the layer table"),
])
def test_layers(tmp_path, name, text, complaint):
    table = tmp_path / "layers.txt"
    table.write_text(LAYERS)
    status, out = gate("check_layers.py", tree(tmp_path / "tree", {name: text}), table)
    assert status == (complaint is not None), out
    assert (complaint or "files") in out


def test_layers_without_a_table(tmp_path):
    status, out = gate("check_layers.py", tmp_path, tmp_path / "absent")
    assert status == 1 and "missing" in out


def test_layers_upside_down(tmp_path):
    table = tmp_path / "layers.txt"
    table.write_text("core/base: core/heap\ncore/heap:\n")
    status, out = gate("check_layers.py", tmp_path, table)
    assert status == 1 and "bottom-up" in out


GOOD = """
#include <stddef.h>
extern void* reserve(size_t size) __attribute__((weak));
__attribute__((tls_model("initial-exec"))) static __thread int depth;
static int serving;
__attribute__((constructor)) static void start(void) { serving = 1; }
void* malloc(size_t size) { depth++; return reserve && serving ? reserve(size) : NULL; }
void* calloc(size_t count, size_t size) {
  char* p = reserve ? reserve(count * size) : NULL;
  for (size_t i = 0; p != NULL && i < count * size; i++) ((volatile char*)p)[i] = 0;
  return p;
}
int heaptag_descriptor_v1;
"""
FLAGS = ["-Wl,-z,now", "-Wl,-z,initfirst", "-Wl,-z,nodelete"]
MAP = "{ global: malloc; calloc; heaptag_descriptor_v1; local: *; };\n"
ENTRIES = 'HEAPTAG_ENTRY(malloc, "C89")\nHEAPTAG_ENTRY(calloc, "C89")\n'


@pytest.fixture
def toy(tmp_path):
    """toy(source, flags, map, entries): builds a small library and returns the arguments."""

    def build(source=GOOD, flags=None, version_script=MAP, entries=ENTRIES, left_out=""):
        (tmp_path / "toy.c").write_text(source)
        (tmp_path / "exports.map").write_text(version_script)
        (tmp_path / "entry_points.def").write_text(entries)
        (tmp_path / "left_out.txt").write_text(left_out)
        library = tmp_path / "toy.so"
        subprocess.run(["gcc", "-O2", "-fno-builtin", "-fPIC", "-shared", "-o", library,
                        tmp_path / "toy.c", f"-Wl,--version-script={tmp_path}/exports.map",
                        *(FLAGS if flags is None else flags)], check=True)
        return [library, "--entries", tmp_path / "entry_points.def", "--map",
                tmp_path / "exports.map", "--left-out", tmp_path / "left_out.txt"]

    return build


@pytest.mark.parametrize("check", ["needed", "exports", "tls", "undefined", "versions", "calloc",
                                   "flags", "init", "segments"])
def test_library_gates_pass_a_good_library(toy, check):
    status, out = gate("check_library.py", check, *toy())
    assert status == 0, out


@pytest.mark.parametrize("check,change,complaint", [
    ("needed", {"flags": [*FLAGS, "-Wl,--no-as-needed", "-lm"]}, "needs libm.so.6"),
    ("exports", {"source": GOOD + "void helper(void) {}\n",
                 "version_script": MAP.replace("malloc;", "malloc; helper;", 1)},
     "exported, but not in entry_points.def: helper"),
    ("exports", {"entries": ENTRIES + 'HEAPTAG_ENTRY(free, "C89")\n'},
     "in entry_points.def, but not exported: free"),
    ("exports", {"version_script": "NAMED_1.0 " + MAP}, "has a version"),
    ("coverage", {}, "libc exports free: neither"),
    ("coverage", {"left_out": "free\n"}, "free has no reason"),
    ("tls", {"source": GOOD.replace("initial-exec", "global-dynamic")}, "__tls_get_addr"),
    ("tls", {"source": GOOD.replace("int depth", "int depth, more[200]")
             .replace("depth++", "depth++; more[size]++")}, "thread-local storage, 256"),
    ("undefined", {"source": GOOD.replace("reserve", "_Znwm").replace(
        " __attribute__((weak))", ""), "flags": [*FLAGS, "-l:libstdc++.so.6"]},
     "may only be weak"),
    ("versions", {"source": GOOD + "int pidfd_getfd(int, int, unsigned);\n"
                  "int use(void) { return pidfd_getfd(0, 0, 0); }\n",
                  "version_script": MAP.replace("malloc;", "malloc; use;", 1)},
     "may only be weak"),
    ("calloc", {"source": GOOD.replace("void* calloc(size_t count",
                                       "void* calloc(size_t, size_t);\nvoid* calloc(size_t count")
                .replace("reserve(count * size) : NULL", "calloc(count, size) : NULL")},
     "calloc"),
    ("flags", {"flags": []}, "INITFIRST is missing"),
    ("init", {"source": GOOD + "__attribute__((constructor)) static void more(void) "
              "{ serving++; }\n"}, "2 constructors"),
    ("segments", {"flags": [*FLAGS, "-Wl,-z,execstack"]}, "writable and executable"),
])
def test_library_gates_refuse(toy, check, change, complaint):
    status, out = gate("check_library.py", check, *toy(**change))
    assert status == 1 and complaint in out, out


def test_source_gates(tmp_path):
    folders = ("core", "preload", "tools", "tests", "bench")
    good = tree(tmp_path / "good", {f"{f}/README.md": "x" for f in folders} | {
        "README.md": "| `HEAPTAG_REPORT=PATH` | x |\n", "core/a.h": "\n" * 200,
        "core/config/options.def": 'HEAPTAG_OPTION(REPORT, "report", kPath, "", "help")\n'})
    bad = tree(tmp_path / "bad", {
        "README.md": "| `HEAPTAG_LOG` | x |\n", "core/a.h": "\n" * 701,
        "core/config/options.def": 'HEAPTAG_OPTION(REPORT, "report", kPath, "", "help")\n'})
    for check, complaint in (("lengths", "701 lines"), ("readmes", "core/README.md is missing"),
                             ("options", "no row for HEAPTAG_REPORT")):
        assert gate("check_sources.py", check, good)[0] == 0
        status, out = gate("check_sources.py", check, bad)
        assert status == 1 and complaint in out
