"""HEAPTAG_TAGS and pushed tags: what a rule names is the sum of the sites that it names."""
import subprocess

import pytest

from runner import COMMAND, PROGRAMS, base_environment, program, run, tool_or_skip


def tags_of(report):
    return {tag["name"]: tag for tag in report["tags"]}


def run_tagged(rules, *arguments, argv=None, **options):
    done = run(argv or [program("tags"), *arguments], report=True, env={"HEAPTAG_TAGS": rules}, **options)
    assert (done.status, done.signal) == (0, None), done.stderr
    return done


def rule_counts(report):
    return {rule["name"]: rule["matched_sites"] for rule in report["rules"]}


def figures(report, name):
    tag = tags_of(report)[name]
    return tag["allocations"], tag["allocated_bytes"], tag["live_blocks"], tag["live_bytes"]


CONN = (200, 100 * 110, 100, 6000)
CACHE = (101, sum(10 * i for i in range(1, 101)) + 200000)


def test_functions_by_glob():
    report = run_tagged("conn=func:conn_*").ok().report
    assert figures(report, "conn") == CONN
    conn = tags_of(report)["conn"]
    assert conn["origin"] == "rule"
    assert sorted(s["frames"][0]["function"] for s in conn["sites"]) == ["conn_buffer", "conn_new"]
    assert figures(report, "cache_insert")[:2] == CACHE
    assert tags_of(report)["cache_insert"]["origin"] == "site"


def test_first_rule_that_matches_wins():
    report = run_tagged("a=func:conn_new;b=func:conn_*;c=*").ok().report
    assert figures(report, "a")[0] == 100
    assert figures(report, "b")[0] == 100
    assert figures(report, "c")[0] >= 101
    assert {tag["origin"] for tag in report["tags"]} == {"rule"}


def test_all_matchers_of_a_rule_must_hold():
    report = run_tagged("none=func:conn_*,lib:libc.so*;some=func:conn_*,lib:tags").ok().report
    assert "none" not in tags_of(report)
    assert figures(report, "some") == CONN
    assert rule_counts(report) == {"none": 0, "some": 2}


def test_a_name_may_have_several_rules():
    report = run_tagged("x=func:conn_new;x=func:cache_*").ok().report
    assert figures(report, "x")[0] == 100 + CACHE[0]
    assert [rule["matched_sites"] for rule in report["rules"]] == [1, 1]


@pytest.mark.parametrize("low,high", [(500, 1000), (495, 777), (1, 16), (17, 17), (130, 130)])
def test_sizes_to_the_byte(low, high):
    report = run_tagged(f"x=func:cache_insert,size:{low}-{high}").ok().report
    sizes = [10 * i for i in range(1, 101) if low <= 10 * i <= high] + [200000] * (high >= 200000)
    tags = tags_of(report)
    if not sizes:
        assert "x" not in tags
    else:
        assert figures(report, "x")[:2] == (len(sizes), sum(sizes))
    rest = figures(report, "cache_insert")
    assert rest[0] == CACHE[0] - len(sizes) and rest[1] == CACHE[1] - sum(sizes)


def test_open_sizes():
    report = run_tagged("big=size:100K-").ok().report
    assert figures(report, "big")[:2] == (1, 200000)


def test_modules():
    report = run_tagged("*=by:module").ok().report
    tags = tags_of(report)
    assert set(tags) >= {"tags"}
    assert figures(report, "tags")[0] == 301
    for tag in report["tags"]:
        modules = {site["frames"][0]["module"].rsplit("/", 1)[-1] for site in tag["sites"]}
        assert modules == {tag["name"]}


def test_by_module_takes_what_is_left():
    report = run_tagged("conn=func:conn_*;*=by:module").ok().report
    assert figures(report, "conn") == CONN
    assert figures(report, "tags")[:2] == CACHE


def test_names_of_threads_and_their_changes():
    report = run_tagged("one=thread:first*;two=thread:second-1;three=thread:third-*;"
                        "main=thread:tags,func:cache_*", "threads").ok().report
    assert figures(report, "one")[0] == 10
    assert figures(report, "two")[0] == 5
    assert figures(report, "three")[0] == 3
    assert figures(report, "main")[0] == 7


def test_names_of_threads_one_after_another():
    """Each gets what the one before has left, but not its name."""
    report = run_tagged("one=thread:first*;two=thread:second*;rest=func:cache_*",
                        "successors").ok().report
    assert [figures(report, name)[0] for name in ("one", "two", "rest")] == [20, 20, 10]


def test_a_library_that_is_loaded_twice():
    report = run_tagged("plugin=lib:lib_tagged*;also=func:tagged_*", "plugin", PROGRAMS).ok().report
    assert figures(report, "plugin")[:2] == (18, 18 * 71)
    assert rule_counts(report) == {"plugin": 1, "also": 0}


def test_a_function_of_a_library_that_comes_later():
    report = run_tagged("made=func:tagged_make", "plugin", PROGRAMS).ok().report
    assert figures(report, "made")[:2] == (18, 18 * 71)


def test_demangled_names():
    report = run_tagged("x=func:blamed_vector*;y=func:*blamed_map(std::map<*", argv=[program("containers")]).report
    assert figures(report, "x")[0] > 1
    assert figures(report, "y")[0] == 40


def test_rules_from_a_file(tmp_path):
    path = tmp_path / "rules"
    path.write_text("# who is who\nconn=func:conn_*   # sockets\n\ncache = func:cache_*\n")
    report = run_tagged(f"@{path}").ok().report
    assert figures(report, "conn") == CONN
    assert figures(report, "cache")[:2] == CACHE


def test_a_missing_file_is_said_and_the_program_goes_on(tmp_path):
    done = run_tagged(f"@{tmp_path}/none")
    assert done.stderr.startswith("heaptag: HEAPTAG_TAGS=@") and done.stderr.count("\n") == 1
    assert done.report["rules"] == []


def test_a_typo_names_line_and_column_and_loses_nothing():
    done = run_tagged("conn=func:conn_*;\ncache=fnc:cache_*;x=func:main")
    assert done.stderr.count("\n") == 1
    assert "HEAPTAG_TAGS: line 2, column 7: 'fnc:'" in done.stderr and "func:" in done.stderr
    assert figures(done.report, "conn") == CONN
    assert [rule["name"] for rule in done.report["rules"]] == ["conn", "x"]


def test_quoted_names():
    report = run_tagged("\"a;b, c=d\"=func:conn_new;'e'=func:'conn_buffer'").ok().report
    assert figures(report, "a;b, c=d")[0] == 100
    assert figures(report, "e")[0] == 100


def test_totals_are_the_same_with_and_without_rules():
    with_rules = run_tagged("a=size:1-100;b=thread:tags;*=by:module").ok().report
    without = run([program("tags")], report=True).ok().report
    for key in ("allocations", "frees", "live_blocks", "live_bytes", "allocated_bytes"):
        assert with_rules["totals"][key] == without["totals"][key]


def test_pushed_tags():
    report = run([program("tags"), "push"], report=True).ok().report
    tags = tags_of(report)
    assert tags["outer"]["origin"] == "api"
    assert figures(report, "outer")[:2] == (61, 30 * 24 + 30 * 70 + 25)
    assert figures(report, "inner")[:2] == (32, 30 * 24 + 26 + 7000)
    assert tags["inner"]["frees"] == 1
    assert tags["outer"]["frees"] == 1
    assert figures(report, "deep")[:2] == (1, 27)
    assert figures(report, "of-thread")[:2] == (1, 80)
    assert figures(report, "cache_insert")[:2] == (3, 20 + 21 + 81)


def test_pushed_tags_win_over_rules():
    report = run_tagged("outer=func:cache_insert,size:20-21;rest=func:*", "push").ok().report
    assert figures(report, "outer")[:2] == (61 + 2, 30 * 24 + 30 * 70 + 25 + 41)
    assert figures(report, "inner")[0] == 32


def test_pushing_without_the_library_does_nothing():
    done = run([program("tags"), "push"], preload=False)
    assert (done.status, done.stderr) == (0, "")
    assert run([program("tag_scopes")], preload=False).status == 0


def test_scopes_of_many_threads():
    report = run([program("tag_scopes")], report=True).ok().report
    for name in ("even", "odd"):
        assert figures(report, name) == (40000, 40000 * 48, 20000, 20000 * 48)
    assert tags_of(report)["even"]["frees"] == 20000
    assert not any("malloc(333)" == tag for tag in tags_of(report))
    thrown = tags_of(report).get("thrown")
    assert thrown is None or thrown["live_bytes"] < 1000


def test_a_rule_of_a_real_library():
    """The tag of a library is the sum of its sites, as a run without rules names them."""
    argv = [tool_or_skip("perl"), "-e", "my %h; $h{$_} = [$_] for 1..2000; print scalar keys %h"]
    env = {"PERL_HASH_SEED": "0"}
    rules = "runtime=lib:libperl*;runtime=lib:perl*;c=lib:libc.so*"
    none = "runtime=lib:no/where;runtime=lib:nowh*;c=lib:nowhere*"  # perl copies its environment
    assert len(rules) == len(none)
    tagged = run(argv, report=True, env=env | {"HEAPTAG_TAGS": rules})
    plain = run(argv, report=True, env=env | {"HEAPTAG_TAGS": none})
    assert tagged.stdout == plain.stdout == "2000"
    expected = {}
    for site in plain.report.sites():
        name = site["frames"][0]["module"].rsplit("/", 1)[-1]
        key = "runtime" if name.startswith(("libperl", "perl")) else "c" if name.startswith("libc.") else name
        sums = expected.setdefault(key, [0, 0])
        sums[0] += site["live_blocks"]
        sums[1] += site["live_bytes"]
    for name in ("runtime", "c"):
        if name in expected:
            tag = tags_of(tagged.report)[name]
            assert [tag["live_blocks"], tag["live_bytes"]] == expected[name]


def test_the_command_hands_rules_to_the_program(tmp_path):
    done = subprocess.run([COMMAND, "run", "--tags", "conn=func:conn_*", "--", program("tags")],
                          cwd=tmp_path, env=base_environment(), capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0
    assert "[conn]" in done.stderr
