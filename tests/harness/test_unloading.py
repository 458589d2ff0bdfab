"""Libraries that go and others that come to lie where they were."""
import subprocess

import pytest

from runner import run

LIBRARY = "#include <stdlib.h>\nvoid* take_%s(void) { return malloc(%d); }\n"
PROGRAM = """
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
static void use(const char* path, const char* name, int calls) {
  void* library = dlopen(path, RTLD_NOW);
  void* (*take)(void) = (void* (*)(void))dlsym(library, name);
  for (int i = 0; i < calls; ++i) free(take());
  dlclose(library);
}
int main(int argc, char** argv) {
  for (int round = 0; round < 3; ++round) {
    use(argv[1], "take_one", 100);
    use(argv[2], "take_two", 200);
  }
  return argc - 3;
}
"""


@pytest.fixture
def parts(tmp_path):
    """Two libraries of the same layout, so that the second is loaded at the first one's address."""
    def build(name, text, *flags):
        source = tmp_path / f"{name}.c"
        source.write_text(text)
        subprocess.run(["gcc", "-O2", "-fno-optimize-sibling-calls", *flags, str(source), "-o",
                        str(tmp_path / name)], check=True)
        return str(tmp_path / name)
    return (build("program", PROGRAM),
            build("one.so", LIBRARY % ("one", 1001), "-shared", "-fPIC"),
            build("two.so", LIBRARY % ("two", 1002), "-shared", "-fPIC"))


def test_a_library_in_the_place_of_another_is_another_owner(parts):
    """GIVEN two libraries loaded in turns WHEN each allocates THEN each is charged for its own."""
    report = run([*parts], report=True).ok().report
    calls = {}
    for tag in report["tags"]:
        for name in ("take_one", "take_two"):
            if name in tag["name"]:
                calls.setdefault(name, []).append((tag["allocations"], tag["allocated_bytes"]))
    assert sum(c for c, _ in calls["take_one"]) == 300
    assert sum(b for _, b in calls["take_one"]) == 300 * 1001
    assert sum(c for c, _ in calls["take_two"]) == 600
    assert sum(b for _, b in calls["take_two"]) == 600 * 1002
    gone = [m for m in report["modules"] if m["path"].endswith((".so",)) and "/one" in m["path"]]
    assert gone and all(m["unloaded_at"] for m in gone)
