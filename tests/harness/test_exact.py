"""Exact figures: against Valgrind for whole programs, against what the program does per site.

Read from the contract: single-threaded, libc's own blocks are given back before the exit report
(__libc_freeres, __gnu_cxx::__freeres), as memcheck does before it counts what is in use.
"""
import shutil
import subprocess

import pytest

import valgrind
from runner import Report, base_environment, program, run, tool_or_skip


def assert_equal_to_valgrind(argv, **options):
    memcheck, report = valgrind.totals_of_both(argv, **options)
    ours = {key: report.totals[key] for key in valgrind.TOTALS}
    assert ours == memcheck
    assert report.totals["failed"] == 0 and report.totals["foreign_frees"] == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_mix_equals_valgrind(seed):
    assert_equal_to_valgrind([program("mix"), str(seed), "4000"])


def test_cxx_equals_valgrind():
    assert_equal_to_valgrind([program("cxx_mix")])


def test_empty_program_equals_valgrind():
    assert_equal_to_valgrind(["/bin/true"])


PERL = """
my (%h, @a);
for my $i (1 .. 3000) { push @{$h{$i % 97}}, "item $i" x ($i % 7); }
@a = sort map { join ',', @$_ } values %h;
my $text = join "\\n", @a;
$text =~ s/(\\w+) (\\d+)/$2 $1/g;
print length($text), " ", scalar(@a), "\\n";
"""


def test_perl_equals_valgrind():
    assert_equal_to_valgrind([tool_or_skip("perl"), "-e", PERL], env={"PERL_HASH_SEED": "0"})


SQL = b"""
create table t(a integer primary key, b text, c real);
with recursive n(i) as (select 1 union all select i+1 from n where i < 2000)
insert into t select i, 'row ' || i || hex(zeroblob(i % 50)), i / 3.0 from n;
create index x on t(b);
select count(*), sum(length(b)), round(avg(c), 3) from t where b like 'row 1%';
select substr(b, 1, 6), count(*) from t group by 1 order by 2 desc limit 5;
"""


def test_sqlite_equals_valgrind():
    assert_equal_to_valgrind([tool_or_skip("sqlite3"), "-batch", "-init", "/dev/null", ":memory:"],
                             stdin=SQL)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A small git repository that is the same in every run."""
    git = shutil.which("git", path=base_environment()["PATH"])
    if not git:
        pytest.skip("git is not installed")
    folder = tmp_path_factory.mktemp("repository")
    env = base_environment() | {
        "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
        "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z", "GIT_CONFIG_NOSYSTEM": "1"}

    def call(*args):
        subprocess.run([git, *args], cwd=folder, env=env, check=True, capture_output=True)

    call("init", "-q", "-b", "main")
    for n in range(12):
        for name in ("a.txt", "b.txt", f"new{n}.txt"):
            with open(folder / name, "a", encoding="utf-8") as file:
                file.write("".join(f"line {i} of {n}\n" for i in range(60)))
        call("add", ".")
        call("commit", "-q", "-m", f"commit {n}\n\nwith a body")
    return folder


@pytest.mark.parametrize("args", [["log", "--stat", "-p"], ["ls-tree", "-r", "HEAD"],
                                  ["blame", "a.txt"]], ids=lambda a: a[0])
def test_git_equals_valgrind(repository, args):
    assert_equal_to_valgrind([tool_or_skip("git"), "--no-pager", *args], cwd=repository,
                             env={"GIT_CONFIG_NOSYSTEM": "1"})


# ---- per call site ------------------------------------------------------------------------------

def figures(allocations, frees, live_bytes, allocated_bytes):
    return {"allocations": allocations, "frees": frees, "live_blocks": allocations - frees,
            "live_bytes": live_bytes, "allocated_bytes": allocated_bytes}


# function: (allocations, frees, live bytes, allocated bytes), see programs/sites.c
C_SITES = {
    "give_10001": (30, 20, 10 * 10001, 30 * 10001),
    "clear_20002": (7, 0, 7 * 20002, 7 * 20002),
    "pair_33_and_44": (10, 0, 5 * 77, 5 * 77),
    "grow_100_to_30003": (18, 12, 6 * 30003, 6 * (100 + 200 + 30003)),
    "start_500": (9, 9, 0, 9 * 500),
    "resize_700": (9, 9, 0, 9 * 700),
    "resize_array_40": (9, 4, 5 * 40, 9 * 40),
    "align_64": (24, 0, 8 * 710, 8 * 710),
    "pages": (1, 0, 11, 11),
    "nothing": (2, 0, 0, 0),
    "deep": (1, 0, 77, 77),
    "big": (2, 1, 5000000, 8000000),
}


@pytest.fixture(scope="module")
def c_sites():
    return run([program("sites")], report=True).ok().report


@pytest.mark.parametrize("function", C_SITES)
def test_c_site(c_sites, function):
    assert c_sites.by_function(function) == figures(*C_SITES[function])


def test_two_calls_in_one_function_are_two_sites(c_sites):
    sizes = sorted(site["live_bytes"] for site in c_sites.sites()
                   if site["frames"][0]["function"] == "pair_33_and_44")
    assert sizes == [5 * 33, 5 * 44]


def test_what_libc_allocates_for_its_caller_is_the_callers(c_sites):
    """strdup is an allocation wrapper: its blocks belong to the program."""
    size = len("a string of twenty-9 characters") + 1
    hits = [site for site in c_sites.sites() if site["allocations"] == 12
            and site["live_bytes"] == 12 * size]
    assert len(hits) == 1
    assert hits[0]["frames"][0]["module"].endswith("/sites")


def test_no_site_is_in_the_library_itself(c_sites):
    inside = [s for s in c_sites.sites() if "libheaptag" in str(s["frames"][0]["module"])]
    assert inside == []


def test_realloc_counts(c_sites):
    assert c_sites.totals["reallocations"] == 2 * 6 + 9 + 9


CXX_SITES = {
    "new_one": (11, 0, 11 * 1000, 11 * 1000),
    "new_array": (13, 0, 13 * 321, 13 * 321),
    "new_nothrow": (10, 0, 5 * 1021, 5 * 1021),
    "new_aligned": (12, 0, 3 * 7 * 64, 3 * 7 * 64),
    "member": (9, 0, 450, 450),
    "new_and_delete": (30, 30, 0, 10 * (1000 + 60 + 64)),
}


@pytest.fixture(scope="module")
def cxx_sites():
    return run([program("sites_cxx")], report=True).ok().report


@pytest.mark.parametrize("function", CXX_SITES)
def test_cxx_site_is_the_code_that_says_new(cxx_sites, function):
    assert cxx_sites.by_function(function) == figures(*CXX_SITES[function])


def test_template_instances_are_different_functions(cxx_sites):
    rows = [s for s in cxx_sites.sites() if "make_any" in str(s["frames"][0]["function"])]
    assert sorted((r["allocations"], r["live_bytes"]) for r in rows) == [(4, 32), (6, 96)]


# ---- threads ------------------------------------------------------------------------------------

def bytes_of(count, step=1):
    return sum(i % 500 + 1 for i in range(0, count, step))


THREADS, BLOCKS = 6, 3000
ALL, HALF = bytes_of(BLOCKS), bytes_of(BLOCKS, 2)

# mode: (function, allocations, frees, live bytes, allocated bytes), see programs/threads.c
THREAD_MODES = [
    ("local", "allocate_here", THREADS * BLOCKS, THREADS * BLOCKS // 2, THREADS * (ALL - HALF),
     THREADS * ALL),
    ("cross", "allocate_here", THREADS // 2 * BLOCKS, THREADS // 2 * BLOCKS, 0,
     THREADS // 2 * ALL),
    ("after", "allocate_here", THREADS * BLOCKS, THREADS * BLOCKS // 2, THREADS * (ALL - HALF),
     THREADS * ALL),
    ("dead", "allocate_here", THREADS * BLOCKS, THREADS * BLOCKS // 2, THREADS * (ALL - HALF),
     THREADS * ALL),
    ("realloc", "allocate_here", THREADS * BLOCKS, THREADS * BLOCKS // 2, THREADS * (ALL - HALF),
     THREADS * ALL),
    ("realloc", "resize_here", THREADS * BLOCKS // 2, 0, THREADS * BLOCKS // 2 * 1000,
     THREADS * BLOCKS // 2 * 1000),
]


@pytest.mark.parametrize("mode,function,allocations,frees,live,allocated", THREAD_MODES)
def test_threads(mode, function, allocations, frees, live, allocated):
    report = run([program("threads"), mode, THREADS, BLOCKS], report=True).ok().report
    assert report.by_function(function) == figures(allocations, frees, live, allocated)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["local", "cross", "after", "dead"])
def test_many_threads(mode):
    count, blocks = 48, 20000
    report = run([program("threads"), mode, count, blocks], report=True).ok().report
    allocating = count // 2 if mode == "cross" else count
    freed = 1 if mode == "cross" else 2
    live = 0 if mode == "cross" else allocating * (bytes_of(blocks) - bytes_of(blocks, 2))
    assert report.by_function("allocate_here") == figures(
        allocating * blocks, allocating * blocks // freed, live, allocating * bytes_of(blocks))


def test_forked_child_counts_for_itself(tmp_path):
    done = run([program("threads"), "fork", 1, BLOCKS],
               env={"HEAPTAG_REPORT": str(tmp_path / "%p.json"), "HEAPTAG_FORMAT": "json"}).ok()
    assert done.stdout == ""
    reports = [Report.read(p) for p in tmp_path.iterdir()]
    assert len(reports) == 2
    parent, child = sorted(reports, key=lambda r: r.totals["frees"])
    assert parent.by_function("allocate_here") == figures(BLOCKS, 0, ALL, ALL)
    assert parent.by_function("child_allocates")["allocations"] == 0
    assert child.by_function("allocate_here") == figures(BLOCKS, BLOCKS // 2, ALL - HALF, ALL)
    assert child.by_function("child_allocates") == figures(10, 0, 30045, 30045)
