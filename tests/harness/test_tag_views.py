"""Named tags: how they are shown, grouped and given afterwards, and what is said below the table."""
import json
import re

import pytest

from live import heaptag, report_of, running
from reports import JPEG, PROGRAM, frame, report, site, tag, write
from runner import COMMAND, program, run

pytestmark = pytest.mark.skipif(not COMMAND.exists(), reason=f"{COMMAND} is not built")


@pytest.fixture(name="file")
def report_file(tmp_path):
    """Two named tags of three sites, and two sites that nobody named."""
    return write(tmp_path / "r.json", report(
        tag("images", site(1, 10, 1000, frame(JPEG, 0x100, "get_small", "jpeg/get.c"), at_peak=600),
            site(2, 20, 4000, frame(JPEG, 0x200, "get_large", "jpeg/get.c"), at_peak=7000),
            origin="rule", at_peak=7600, peak=9000),
        tag("config", site(3, 30, 100, frame(PROGRAM, 0x300, "set_option", "src/config.c")),
            origin="api", at_peak=100),
        tag("net_read", site(4, 40, 50, frame(PROGRAM, 0x400, "net_read", "src/net.c")), at_peak=60),
        tag("thumbd+0x500", site(5, 5, 10, frame(PROGRAM, 0x500)), at_peak=10),
        rules=[{"name": "images", "text": "images=lib:libjpeg*", "matched_sites": 2},
               {"name": "db", "text": "db=lib:libpq*", "matched_sites": 0}]))


def shown(path, *arguments):
    return heaptag("report", path, *arguments).ok().stdout


def rows(text):
    """{owner: (calls, place)} of a table."""
    table = text.split("\n\n")[2].splitlines()
    column = len(table[0]) - len(table[0].split()[-1])
    found = {}
    for line in table[1:]:
        if line.lstrip().startswith("---"):
            break
        name, *place = re.split(r" {2,}", line[column:].strip(), maxsplit=1)
        found[name] = (int(line.split()[4].replace(",", "")), "".join(place))
    return found


def names(of):
    return {one["name"]: one for one in of["tags"]}


GOLDEN = """\
thumbd[4711] exited with status 0: peak 7.59K, 5.04K still in use

  peak          7.59K                     allocations  105         allocated  92.8K
  in use        5.04K in 5 blocks         frees        100         failed     0
  max RSS       -                         threads      1

   at peak       %    in use  blocks     calls  avg size  owner
     7.42K    97.8     4.88K       2        30     2.93K  [images]               2 sites
       100     1.3       100       1        30       100  [config]               src/config.c:7
        60     0.8        50       1        40        50  net_read               src/net.c:7
        10     0.1        10       1         5        10  thumbd+0x500
  --------  ------  --------  ------  --------            ------
     7.59K   100.0     5.04K       5       105            4 owners, counted, not sampled

  file and line for 4 of 5 sites; missing: thumbd (build-id 1f3c9a…):
  install their debug symbols (Debian: -dbgsym packages)
  never matched: db=lib:libpq* (HEAPTAG_TAGS)
  next: heaptag report r.json --by module
"""


def test_golden(file):
    assert heaptag("report", file.name, cwd=file.parent).ok().stdout == GOLDEN


def test_json_has_bare_names_and_rules(file):
    whole = report_of(file)
    assert set(names(whole)) == {"images", "config", "net_read", "thumbd+0x500"}
    assert names(whole)["images"]["origin"] == "rule"
    assert [rule["matched_sites"] for rule in whole["rules"]] == [2, 0]
    assert [one["at_peak_bytes"] for one in names(whole)["images"]["sites"]] == [600, 7000]


# ---- views --------------------------------------------------------------------------------------

def test_by_tag(file):
    assert rows(shown(file, "--by", "tag")) == {"[images]": (30, "2 sites"),
                                                "[config]": (30, "src/config.c:7"),
                                                "(no tag)": (45, "2 sites")}
    by_tag = names(report_of(file, "--by", "tag"))
    assert set(by_tag) == {"images", "config", "(no tag)"}
    assert by_tag["images"]["peak_live_bytes"] == 9000
    assert by_tag["(no tag)"]["at_peak_bytes"] == 70
    assert "3 tags, counted, not sampled" in shown(file, "--by", "tag")


def test_by_site(file):
    assert rows(shown(file, "--by", "site")) == {
        "get_small": (10, "jpeg/get.c:7"), "get_large": (20, "jpeg/get.c:7"),
        "set_option": (30, "src/config.c:7"), "net_read": (40, "src/net.c:7"),
        "thumbd+0x500": (5, "")}
    by_site = names(report_of(file, "--by", "site"))
    assert by_site["get_large"]["at_peak_bytes"] == 7000
    assert {one["origin"] for one in by_site.values()} == {"site"}


def test_by_module(file):
    by_module = names(report_of(file, "--by", "module"))
    assert {name: one["allocations"] for name, one in by_module.items()} == {
        "libjpeg.so.62": 30, "thumbd": 75}
    assert by_module["libjpeg.so.62"]["at_peak_bytes"] == 7600


def test_views_of_a_snapshot_are_of_text_and_json(file, tmp_path):
    done = heaptag("report", file, "--by", "tag", "-o", tmp_path / "x.snap")
    assert done.status == 2 and len(done.stderr.splitlines()) == 1 and "--by" in done.stderr
    heaptag("report", file, "--by", "owner", "-o", tmp_path / "x.snap").ok()


# ---- rules that come afterwards -----------------------------------------------------------------

def test_tags_afterwards(file):
    text = shown(file, "--tags", "net=func:net_*; src=src:config.c,lib:thumbd; none=lib:x*")
    assert rows(text) == {"[images]": (30, "2 sites"), "[src]": (30, "src/config.c:7"),
                          "[net]": (40, "src/net.c:7"), "thumbd+0x500": (5, "")}
    assert "\n  never matched: none=lib:x* (--tags)\n" in text
    given = report_of(file, "--tags", "net=func:net_*; src=src:config.c,lib:thumbd; none=lib:x*")
    assert [(rule["name"], rule["matched_sites"]) for rule in given["rules"]] == [
        ("net", 1), ("src", 1), ("none", 0)]
    assert names(given)["net"]["origin"] == "rule"
    assert names(given)["images"]["peak_live_bytes"] == 9000


def test_tags_afterwards_and_views(file):
    assert rows(shown(file, "--tags", "small=func:get_small;*=by:module", "--by", "tag")) == {
        "[libjpeg.so.62]": (20, "jpeg/get.c:7"), "[small]": (10, "jpeg/get.c:7"),
        "[thumbd]": (75, "3 sites")}
    split = names(report_of(file, "--tags", "small=func:get_small"))
    assert split["images"]["at_peak_bytes"] == split["images"]["peak_live_bytes"] == 7000
    assert split["small"]["at_peak_bytes"] == 600


def test_tags_from_a_file(file, tmp_path):
    (tmp_path / "rules").write_text("# of thumbd\nnet=func:net_*  # the network\n\nrest=*\n")
    assert set(rows(shown(file, "--tags", f"@{tmp_path}/rules"))) == {"[net]", "[rest]"}
    done = heaptag("report", file.name, "--tags", "@rules", cwd=tmp_path).ok()
    assert done.stdout.splitlines()[-1] == "  next: heaptag report r.json --tags @rules --by module"


def test_tags_are_saved(file, tmp_path):
    heaptag("report", file, "--tags", "net=func:net_*", "-o", tmp_path / "x.snap").ok()
    again = report_of(tmp_path / "x.snap")
    assert names(again)["net"]["origin"] == "rule"
    assert again["rules"] == [{"name": "net", "text": "net=func:net_*", "matched_sites": 1}]


@pytest.mark.parametrize("rules,words", [
    ("net=fnc:x", "line 1, column 5: 'fnc:' is no matcher"), ("a=lib:x;b", "line 1, column 9: "),
    ("a=thread:x", "line 1, column 3: thread:"), ("a=size:1-2", "line 1, column 3: size:"),
    ("@no/such", "cannot read no/such: No such file"), ("@", "no file"), ("", "no rule"),
    ("# nothing", "no rule")])
def test_mistakes_are_a_line_each(file, tmp_path, rules, words):
    done = heaptag("report", file, "--tags", rules, "-o", tmp_path / "out.json")
    (line,) = done.stderr.splitlines()
    assert (done.status, done.stdout) == (2, "") and not (tmp_path / "out.json").exists()
    assert line.startswith("heaptag: report: --tags: ") and words in line


def test_all_mistakes_are_told(file, tmp_path):
    (tmp_path / "rules").write_text("a=fnc:x\nb=lib:y\nc=size:3\n")
    done = heaptag("report", file, "--tags", "@rules", cwd=tmp_path)
    assert [line.split(": ")[2:5] for line in done.stderr.splitlines()] == [
        ["--tags", "rules", "line 1, column 3"], ["--tags", "rules", "line 3, column 3"]]


def test_tags_of_a_program_that_has_run(tmp_path):
    """Names by the linker and lines by debug information, of a snapshot and of a live process."""
    path = tmp_path / "sites.snap"
    run([program("sites")], env={"HEAPTAG_REPORT": str(path), "HEAPTAG_FORMAT": "snapshot"}).ok()
    rules = "clear=func:clear_*;sites=src:sites.c;*=by:module"
    ruled = names(report_of(path, "--tags", rules))
    assert ruled["clear"]["live_bytes"] == 7 * 20002
    assert ruled["sites"]["allocations"] > 0 and len(ruled["sites"]["sites"]) > 3
    with running("busy", 1, -1, wait_for="done") as child:
        live = names(report_of(child.pid, "--tags", "busy=lib:busy"))
        assert live["busy"]["live_blocks"] >= 100


def test_names_as_the_linker_has_them(tmp_path):
    path = tmp_path / "cxx.snap"
    run([program("sites_cxx")], env={"HEAPTAG_REPORT": str(path),
                                     "HEAPTAG_FORMAT": "snapshot"}).ok()
    functions = {one["frames"][-1]["function"] for one in report_of(path).sites()
                 if one["frames"] and one["frames"][-1]["module"] == program("sites_cxx")}
    ruled = report_of(path, "--tags", "cxx=func:_Z*,lib:sites_cxx")
    assert names(ruled)["cxx"]["allocations"] > 0
    assert functions & {one["frames"][-1]["function"] for one in names(ruled)["cxx"]["sites"]}


# ---- wrappers -----------------------------------------------------------------------------------

def wrapping(path, **options):
    return write(path, report(
        tag("my_get_mem", site(1, 71, 100, frame(PROGRAM, 0x100, "my_get_mem", "src/mem.c"),
                               size_classes=23)),
        tag("parse", site(2, 29, 100, frame(PROGRAM, 0x200, "parse", "src/parse.c"),
                          size_classes=2)), **options))


def test_wrappers_are_named_with_the_option_to_type(tmp_path):
    text = shown(wrapping(tmp_path / "r.json"))
    assert ("\n  looks like a wrapper: my_get_mem (23 sizes, 71% of what was allocated); blame its "
            "callers:\n    heaptag run --wrappers=my_get_mem -- ./thumbd ...\n") in text
    text = shown(wrapping(tmp_path / "r.json", options={"HEAPTAG_WRAPPERS": "other"}))
    assert "--wrappers=other,my_get_mem -- " in text


def test_others_are_not(file):
    assert "like a wrapper" not in shown(file)


def test_wrappers_have_no_place_in_sums(tmp_path):
    path = wrapping(tmp_path / "r.json")
    assert "like a wrapper" in shown(path, "--by", "site")
    for view in (["--by", "tag"], ["--by", "module"], ["--tags", "all=*"]):
        assert "like a wrapper" not in shown(path, *view)


# ---- broken reports -----------------------------------------------------------------------------

@pytest.mark.parametrize("rules,where", [("x", "rules"), ([1], "rules[0]"),
                                         ([{"name": 1}], "rules[0].name"),
                                         ([{"matched_sites": "x"}], "rules[0].matched_sites")])
def test_broken_rules_are_refused(file, rules, where):
    content = json.loads(file.read_text())
    content["rules"] = rules
    done = heaptag("report", write(file, content))
    (line,) = done.stderr.splitlines()
    assert done.status == 2 and f"{where} is not" in line


def test_without_rules_and_sizes(file):
    """As an older heaptag wrote it."""
    content = json.loads(file.read_text())
    del content["rules"]
    for one in (one for row in content["tags"] for one in row["sites"]):
        del one["at_peak_bytes"], one["size_classes"]
    again = report_of(write(file, content))
    assert again["rules"] == []
    assert names(again)["images"]["sites"][0]["at_peak_bytes"] is None
    assert names(again)["config"]["sites"][0]["at_peak_bytes"] == 100
