"""Real programs do the same to the byte with and without the library: output, status, files."""
import hashlib
import subprocess

import pytest

from runner import LIBRARY, base_environment, program, run, tool_or_skip

SOURCE = """
#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <vector>
template <typename T> T twice(T t) { return t + t; }
int main() {
  std::map<std::string, std::vector<int>> m;
  for (int i = 0; i < 100; i++) m[std::to_string(i % 7)].push_back(twice(i));
  for (auto& [k, v] : m) std::cout << k << " " << v.size() << "\\n";
}
"""

MAKEFILE = """
objects = $(addprefix o/,$(addsuffix .o,a b c d e f g h))
all: report.txt
o/%.o: %.src
\t@mkdir -p o
\t@sed 's/x/y/g' $< | sort -r > $@
report.txt: $(objects)
\t@cat $(sort $^) | sha256sum > $@
\t@echo built $(words $^) objects, $(shell expr 6 \\* 7)
"""

PYTHON = """
import collections, json, re, subprocess, sqlite3, threading, zlib
words = re.findall(r"\\w+", "the quick brown fox jumps over the lazy dog " * 500)
print(collections.Counter(words).most_common(3))
data = json.dumps([{str(i): [i] * (i % 50)} for i in range(2000)])
print(len(json.loads(data)), zlib.crc32(data.encode()))
out = []
threads = [threading.Thread(target=lambda n=n: out.append(sum(len(str(i)) for i in range(n))))
           for n in range(0, 8000, 1000)]
[t.start() for t in threads]; [t.join() for t in threads]
print(sorted(out))
print(subprocess.run(["echo", "from a child"], capture_output=True, text=True).stdout.strip())
db = sqlite3.connect(":memory:")
db.execute("create table t(a)")
db.executemany("insert into t values(?)", [(i,) for i in range(5000)])
print(db.execute("select sum(a) from t").fetchone())
raise SystemExit(3)
"""

PERL = """
my %h; $h{$_ % 101} .= "x$_" for 1 .. 20000;
print join(",", map { length $h{$_} } sort { $a <=> $b } keys %h), "\\n";
my $pid = fork(); if (!$pid) { my @a = map { "c" x $_ } 1 .. 500; exit(scalar(@a) % 256); }
waitpid($pid, 0); print $? >> 8, "\\n"; print `echo shell`; warn "a warning\\n"; exit 4;
"""

BASH = r"""
set -o pipefail
declare -A a
for i in {1..3000}; do a[$((i % 50))]+="x$i "; done
for k in $(printf '%s\n' "${!a[@]}" | sort -n); do echo "$k ${#a[$k]}"; done
echo "$(seq 1 500 | while read -r n; do echo $((n * n)); done | tail -n 3)"
f() { local x=$1; ((x > 0)) && f $((x - 1)); echo -n .; }
f 200; echo
( exit 9 ); echo "status $?"
cat <(echo one) <(echo two)
echo "to stderr" >&2
kill -TERM $$
"""

GAWK = """
BEGIN { for (i = 0; i < 20000; i++) a[i % 211] = a[i % 211] i;
        n = asorti(a, keys); for (i = 1; i <= n; i++) s += length(a[keys[i]]); print n, s;
        while (("echo one; echo two" | getline line) > 0) print "got", line;
        exit 6 }
"""

SQL = b"""
.mode csv
create table t(a integer primary key, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
insert into t select i, printf('%05d-%s', i * 7919 % 20000, hex(i)) from n;
create index x on t(b);
select count(*), min(b), max(b) from t;
select a, b from t order by b limit 20;
select broken from t;
vacuum into 'copy.db';
"""


def contents(folder):
    """path -> hash of every file below `folder`; git's index holds times and inode numbers."""
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob("*"))
            if p.is_file() and not p.is_symlink() and not str(p).endswith(".git/index")}


@pytest.fixture
def same_work(tmp_path):
    """same_work(prepare, argv…): runs in a folder of its own, named alike, both ways."""

    def work(argv, prepare=None, **options):
        results = []
        for preload in (False, True):
            outer = tmp_path / str(preload)
            outer.mkdir()
            place = tmp_path / "work"
            place.mkdir()
            if prepare:
                prepare(place)
            done = run(argv, cwd=place, preload=preload, **options)
            results.append((done, done.outcome, contents(place)))
            place.rename(outer / "work")
        assert results[1][1] == results[0][1]
        assert results[1][2] == results[0][2]
        return results[1][0], results[1][2]

    return work


def test_bash(same_work):
    done, _ = same_work([tool_or_skip("bash"), "-c", BASH])
    assert done.signal is not None and "status 9" in done.stdout and "to stderr" in done.stderr


def test_python(same_work):
    done, _ = same_work(["/usr/bin/python3", "-c", PYTHON])
    assert done.status == 3, done.stderr


def test_python_with_its_own_allocator_off(same_work):
    done, _ = same_work(["/usr/bin/python3", "-c", PYTHON], env={"PYTHONMALLOC": "malloc"})
    assert done.status == 3, done.stderr


def test_perl(same_work):
    done, _ = same_work([tool_or_skip("perl"), "-e", PERL])
    assert done.status == 4 and "a warning" in done.stderr


def test_gawk(same_work):
    done, _ = same_work([tool_or_skip("gawk"), GAWK])
    assert done.status == 6 and "got two" in done.stdout


def test_sqlite(same_work):
    done, files = same_work([tool_or_skip("sqlite3"), "-batch", "-init", "/dev/null", "main.db"],
                            stdin=SQL)
    assert done.status == 1 and "copy.db" in files and "no such column" in done.stderr


GIT_ENV = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "A",
           "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
           "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z", "GIT_CONFIG_NOSYSTEM": "1",
           "GIT_PAGER": "cat"}

GIT_SCRIPT = """
set -e
git init -q -b main origin; cd origin
for n in 1 2 3 4 5; do
  seq $((n * 10)) $((n * 100)) > file$n; seq $n > shared; git add .; git commit -q -m "commit $n"
done
git checkout -q -b side HEAD~2; echo side > side; git add side; git commit -q -m side
git merge -q -m merged main
git log --stat --format='%H %s' | cat; git diff HEAD~1 | sha256sum; git blame shared
cd ..; git clone -q --no-local origin copy; cd copy; git gc -q --prune=now; git fsck
git rev-parse HEAD; git show nothing
"""


def test_git(same_work):
    done, files = same_work([tool_or_skip("bash"), "-c", GIT_SCRIPT], env=GIT_ENV,
                            prepare=lambda place: tool_or_skip("git"))
    assert done.status == 128 and "nothing" in done.stderr
    assert any(name.endswith(".pack") for name in files)


def test_gxx(same_work):
    def prepare(place):
        (place / "a.cc").write_text(SOURCE)

    done, files = same_work([tool_or_skip("g++"), "-std=c++20", "-O1", "-Wall", "-frandom-seed=1",
                             "-c", "a.cc", "-o", "a.o"], prepare=prepare)
    assert done.status == 0 and "a.o" in files


def test_gxx_that_fails(same_work):
    def prepare(place):
        (place / "a.cc").write_text("#include <vector>\nint main() { std::vector<int> v = 1; }\n")

    done, files = same_work([tool_or_skip("g++"), "-c", "a.cc"], prepare=prepare)
    assert done.status == 1 and "conversion" in done.stderr and "a.o" not in files


def test_make(same_work):
    def prepare(place):
        (place / "Makefile").write_text(MAKEFILE)
        for name in "abcdefgh":
            (place / f"{name}.src").write_text("".join(f"x{i} {name}\n" for i in range(300)))

    done, files = same_work([tool_or_skip("make"), "-j2"], prepare=prepare)
    assert done.status == 0 and done.stdout == "built 8 objects, 42\n" and "report.txt" in files


def fill_with_files(place):
    for n in range(60):
        folder = place / "in" / str(n % 7)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{n}").write_bytes(bytes((n * i * i) % 251 for i in range(n * 400)))


TAR = ("tar --sort=name --mtime=@0 --owner=0 --group=0 -cf all.tar in && rm -r in && "
       "tar -xvf all.tar | sort && tar -tf all.tar | wc -l && tar -xf absent.tar")


def test_tar(same_work):
    done, files = same_work([tool_or_skip("bash"), "-c", TAR], prepare=fill_with_files)
    assert done.status == 2 and "all.tar" in files and "absent.tar" in done.stderr


XZ = ("cat in/*/* > data && xz -k -6 data && xz -k -T2 --block-size=100000 -c data > two.xz && "
      "xz -dc two.xz | cmp - data && xz -lv data.xz | grep -c xz && xz -t Makefile")


def test_xz(same_work):
    def prepare(place):
        fill_with_files(place)
        (place / "Makefile").write_text("not xz")

    done, files = same_work([tool_or_skip("bash"), "-c", XZ], prepare=prepare)
    assert done.status == 1 and "data.xz" in files and "not recognized" in done.stderr


def test_the_process_looks_the_same_to_itself(run_both, tmp_path):
    """Environment, descriptors, signals, limits, threads, flags. HEAPTAG_* change nothing either.
    The private duplicate of stderr that the contract allows lies far above the program's own."""
    run_both([program("introspect"), "an argument"], env={"ODD": "=x=", "EMPTY": ""})
    text = run_both([program("introspect")], env={"HEAPTAG_REPORT": str(tmp_path / "r")}).stdout
    assert "open descriptor 2\nnext descriptor 3\n" in text and "threads 3" in text


def test_children_get_the_environment_untouched(run_both):
    done = run_both(["/bin/sh", "-c", "env -u LD_PRELOAD env | sort; exit 3"], env={"A": "1"})
    assert done.status == 3 and "A=1" in done.stdout


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_descriptors_closed_at_start(closed, tmp_path):
    """The program finds the lowest numbers free, as it would without the library."""
    close = " ".join(f"{fd}{'<' if fd == 0 else '>'}&-" for fd in closed)
    results = []
    for preload in (False, True):
        out = tmp_path / str(preload)
        out.mkdir()
        script = f"LD_PRELOAD={LIBRARY} " if preload else ""
        script += f"HEAPTAG_REPORT={out}/r.json HEAPTAG_FORMAT=json {program('closes_all')} "
        script += f"{out}/a {out}/b {out}/c {close}; echo $? > {out}/status"
        subprocess.run(["/bin/bash", "-c", script], env=base_environment(), check=True)
        results.append({n: (out / n).read_bytes() for n in ("a", "b", "c", "status")})
        assert (out / "r.json").exists() == preload
    assert results[0] == results[1]
    assert results[1]["status"] == b"5\n"


def test_nothing_is_written_into_a_file_on_descriptor_2(tmp_path):
    """A message is due at start (unknown option) and at exit (no such folder): neither may land in
    the program's own file that has taken number 2."""
    paths = [tmp_path / n for n in "abc"]
    done = run([program("closes_all"), *paths],
               env={"HEAPTAG_REPORT": "/nonexistent/r", "HEAPTAG_NO_SUCH_OPTION": "1"})
    assert done.status == 5
    expected = [b"".join(bytes([ord("a") + i % 26]) * 100 for i in range(1000) if i % 3 == k)
                for k in range(3)]
    assert [p.read_bytes() for p in paths] == expected


@pytest.mark.parametrize("mode", ["return", "exit", "_exit", "_Exit", "quick_exit", "thread",
                                  "in-destructor", "main-thread-ends-first", "abort", "kill",
                                  "term", "segv", "exec", "exit_group"])
def test_exit_status_and_signal(run_both, mode):
    done = run_both([program("exits"), mode])
    expected = {"main-thread-ends-first": 0, "exec": 0}.get(mode, 7)
    if mode in ("abort", "kill", "term", "segv"):
        assert done.signal.name == {"abort": "SIGABRT"}.get(mode, "SIG" + mode.upper())
    else:
        assert done.status == expected


def test_few_descriptors_allowed(run_both):
    import resource
    run_both([program("cxx_mix")], limits={resource.RLIMIT_NOFILE: 4})


def test_paths_with_dots_and_relative_paths(tmp_path):
    """A relative LD_PRELOAD works as the loader makes it work."""
    library = LIBRARY
    done = run([program("whose_malloc")], preload=False, cwd=library.parent,
               env={"LD_PRELOAD": f"./{library.name}"})
    assert done.status == 0 and library.name in done.stdout
