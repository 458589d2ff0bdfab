"""The exit report: schema, sums, where it is written, and what is said when it cannot be."""
import os
import re
import resource
import socket
import stat
import subprocess
import time

import pytest

from runner import DEBUG_LIBRARY, LIBRARY, Report, program, run

HEX = re.compile(r"0x[0-9a-f]+")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def messages(done):
    """The lines that heaptag wrote to stderr."""
    return [line for line in done.stderr.splitlines() if "heaptag" in line]


@pytest.fixture(scope="module")
def sites():
    """A JSON report of a program that is known to the unit."""
    return run([program("sites"), "an argument"], report=True,
               env={"HEAPTAG_LOG": "stderr"}).ok().report


# ---- JSON ---------------------------------------------------------------------------------------

KEYS = {
    "heaptag": {"version", "schema"},
    "process": {"pid", "program", "argv", "start_time", "report_time", "reason", "exit"},
    "memory": {"live", "rounding", "cached", "quarantined", "metadata", "not_heap", "untouched",
               "resident"},
    "totals": {"allocations", "frees", "reallocations", "failed", "live_blocks", "live_bytes",
               "usable_bytes", "peak_live_bytes", "peak_error_bytes", "allocated_bytes",
               "resident_bytes", "metadata_bytes", "cached_bytes", "foreign_frees", "threads"},
    "symbols": {"sites", "resolved", "missing"},
}
TAG_KEYS = {"name", "origin", "allocations", "frees", "live_blocks", "live_bytes", "usable_bytes",
            "allocated_bytes", "peak_live_bytes", "at_peak_bytes", "failed", "limit_bytes",
            "sites"}
SITE_KEYS = {"id", "frames", "allocations", "frees", "live_blocks", "live_bytes",
             "allocated_bytes"}
FRAME_KEYS = {"module", "build_id", "offset", "function", "file", "line", "inlined"}
MODULE_KEYS = {"path", "build_id", "base", "end", "loaded_at", "unloaded_at"}


def test_all_keys_are_there(sites):
    assert set(sites) >= {*KEYS, "options", "environment", "tags", "errors", "leaks", "modules",
                          "rules"}
    for key, wanted in KEYS.items():
        assert set(sites[key]) >= wanted, key
    for tag in sites["tags"]:
        assert set(tag) >= TAG_KEYS
        for site in tag["sites"]:
            assert set(site) >= SITE_KEYS
            assert all(set(frame) >= FRAME_KEYS for frame in site["frames"])
    assert all(set(module) >= MODULE_KEYS for module in sites["modules"])


def test_who_and_when(sites):
    process = sites["process"]
    assert sites["heaptag"]["schema"] == 1
    assert process["program"] == "sites"
    assert process["argv"] == [program("sites"), "an argument"]
    assert (process["reason"], process["exit"]) == ("exit", 0)
    assert TIME.fullmatch(process["start_time"]) and TIME.fullmatch(process["report_time"])
    assert process["start_time"] <= process["report_time"]
    assert sites["environment"]["kernel"].startswith(os.uname().release.split("-")[0])
    assert "2.36" in sites["environment"]["libc"]


def test_options_in_use_are_listed(sites):
    assert sites["options"]["HEAPTAG_FORMAT"] == "json"
    assert sites["options"]["HEAPTAG_REPORT"].endswith("r.json")


def test_addresses_and_modules(sites):
    paths = {module["path"] for module in sites["modules"]}
    assert program("sites") in paths and any("libc.so.6" in path for path in paths)
    for module in sites["modules"]:
        assert HEX.fullmatch(module["base"]) and HEX.fullmatch(module["end"])
    for site in sites.sites():
        for frame in site["frames"]:
            assert HEX.fullmatch(frame["offset"])
            assert frame["module"] in paths
    notes = subprocess.run(["readelf", "-n", program("sites")], capture_output=True, text=True,
                           check=True).stdout
    build_id = re.search(r"Build ID: (\w+)", notes)[1]
    assert {f["build_id"] for s in sites.sites() for f in s["frames"]
            if f["module"] == program("sites")} == {build_id}


def test_offsets_are_addresses_of_the_calls(sites):
    """offset is the ELF address of (return address - 1): inside the call instruction."""
    frames = [s["frames"][0] for s in sites.sites()
              if s["frames"][0]["function"] == "clear_20002"]
    assert len(frames) == 1
    table = subprocess.run(["nm", "-S", program("sites")], capture_output=True, text=True,
                           check=True).stdout
    start, size = re.search(r"^(\w+) (\w+) t clear_20002", table, re.M).groups()
    offset = int(frames[0]["offset"], 16)
    assert int(start, 16) < offset < int(start, 16) + int(size, 16)


def test_names_and_ids_are_unique(sites):
    names = [tag["name"] for tag in sites["tags"]]
    assert len(set(names)) == len(names) and all(names)
    ids = [site["id"] for site in sites.sites()]
    assert len(set(ids)) == len(ids)
    assert {tag["origin"] for tag in sites["tags"]} == {"site"}
    assert "clear_20002" in names


def test_peaks(sites):
    totals = sites.totals
    assert totals["peak_live_bytes"] >= 5000000 + 3000000
    assert totals["peak_live_bytes"] >= totals["live_bytes"]
    assert totals["peak_error_bytes"] >= 0
    assert sum(tag["at_peak_bytes"] for tag in sites["tags"]) == totals["peak_live_bytes"]
    assert all(tag["peak_live_bytes"] >= tag["live_bytes"] for tag in sites["tags"])


def test_memory_adds_up(sites):
    memory = dict(sites["memory"])
    resident, untouched = memory.pop("resident"), memory.pop("untouched")
    assert sum(memory.values()) - untouched == resident == sites.totals["resident_bytes"]
    assert memory["live"] == sites.totals["live_bytes"]
    assert memory["rounding"] == sites.totals["usable_bytes"] - sites.totals["live_bytes"]


def test_threads_are_counted():
    report = run([program("threads"), "local", 6, 10], report=True).ok().report
    assert report.totals["threads"] == 7


@pytest.mark.parametrize("odd", ['quote"back\\slash', "line\nbreak", "\x01\x7f", "\xe4\u20ac"])
def test_odd_arguments_make_valid_json(odd):
    report = run([program("mix"), odd, "10"], report=True).ok().report
    assert report["process"]["argv"][1] == odd


def test_argument_that_is_no_utf8():
    """No byte of it may break the report."""
    report = run([program("mix").encode(), b"1\xff\xfe", b"10"], report=True).report
    assert report["process"]["argv"][1].startswith("1")


# ---- text ---------------------------------------------------------------------------------------

def normalised(text):
    """Times, process numbers, memory of the machine and the width of columns become tokens."""
    text = re.sub(r"\[\d+\]", "[PID]", text)
    text = re.sub(r"after [\d.,]+ \w+", "after TIME", text)
    text = re.sub(r"at [\d.]+ (ns|us|µs|ms|s)\b", "at TIME", text)
    text = re.sub(r"(max RSS\s+)\S+", r"\1SIZE", text)
    text = re.sub(r"[0-9a-f]{8,40}…?", "HEX", text)
    text = re.sub(r"/\S*/", "", text)
    return re.sub(r" +", " ", text)


def test_text_report(tmp_path):
    """The layout of ux.md 1.1: verdict, totals, table that adds up, what to type next."""
    run([program("sites")], env={"HEAPTAG_REPORT": str(tmp_path / "r.txt")}).ok()
    text = (tmp_path / "r.txt").read_text()
    lines = normalised(text).splitlines()
    assert re.fullmatch(r"sites\[PID\] exited with status 0 after TIME: peak [\d.]+[KM], "
                        r"[\d.]+[KM] still in use(, no errors)?", lines[0])
    for label in ("peak", "in use", "max RSS", "allocations", "frees", "threads", "allocated",
                  "failed"):
        assert any(label in line for line in lines[1:7]), label
    header = next(line for line in lines if "at peak" in line and "owner" in line)
    assert header.split() == "at peak % in use blocks calls avg size owner".split()
    assert any(line.rstrip().endswith("owners, counted, not sampled") for line in lines)
    assert "next: " in lines[-1] or "next: " in lines[-2]
    assert "sites!big+0x" in text and "clear_20002 " in text
    assert "\x1b" not in text and "n/a" not in text


def test_rows_of_the_text_add_up(tmp_path):
    """The calls column: rows and the line for the rest make the total."""
    run([program("sites")], env={"HEAPTAG_REPORT": str(tmp_path / "r.txt")}).ok()
    lines = (tmp_path / "r.txt").read_text().splitlines()
    top = next(i for i, line in enumerate(lines) if "owner" in line and "calls" in line)
    rule = next(i for i, line in enumerate(lines) if i > top and line.lstrip().startswith("---"))
    column = lines[top].split().index("calls") - 2  # "at peak" and "in use" are two words each
    number = lambda line, i: int(line.split()[i].replace(",", ""))
    calls = [number(line, column) for line in lines[top + 1:rule] if line.strip()]
    total = next(line for line in lines[rule + 1:] if "owners" in line)
    assert sum(calls) == number(total, column)


def test_text_is_the_default_and_says_the_same_as_json(tmp_path):
    done = run([program("sites")], report=True).ok()
    run([program("sites")], env={"HEAPTAG_REPORT": str(tmp_path / "r.txt")}).ok()
    text = (tmp_path / "r.txt").read_text()
    # Both copy the same arguments and environment but for lengths of values, hence no totals here.
    assert f"{done.report.by_function('give_10001')['live_blocks']}" in text
    run([program("sites")], env={"HEAPTAG_REPORT": str(tmp_path / "t.txt"),
                                 "HEAPTAG_FORMAT": "text"}).ok()
    assert normalised((tmp_path / "t.txt").read_text()).splitlines()[0] == \
        normalised(text).splitlines()[0]


# ---- where it goes ------------------------------------------------------------------------------

def test_without_a_path_there_is_no_report_and_no_word(tmp_path):
    done = run([program("mix"), "1", "100"], cwd=tmp_path).ok()
    assert list(tmp_path.iterdir()) == [] and "kept" in done.stdout


def test_an_existing_file_is_kept(tmp_path):
    path = tmp_path / "r"
    path.write_text("mine")
    for _ in range(3):
        run([program("whose_malloc")], env={"HEAPTAG_REPORT": str(path)}).ok()
    assert path.read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r", "r.1", "r.2", "r.3"]
    assert all((tmp_path / f"r.{n}").read_text().startswith("whose_malloc[") for n in (1, 2, 3))


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "target").write_text("mine")
    (tmp_path / "r").symlink_to(tmp_path / "target")
    run([program("whose_malloc")], env={"HEAPTAG_REPORT": str(tmp_path / "r")}).ok()
    assert (tmp_path / "target").read_text() == "mine" and (tmp_path / "r.1").exists()


def test_the_file_is_private(tmp_path):
    run([program("whose_malloc")], env={"HEAPTAG_REPORT": str(tmp_path / "r")}).ok()
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) & 0o077 == 0


def test_placeholders(tmp_path):
    before = int(time.time())
    done = run([program("sites")],
               env={"HEAPTAG_REPORT": f"{tmp_path}/%e.%p.%h.%n.%t.end", "HEAPTAG_FORMAT": "json"})
    assert done.ok()
    (path,) = tmp_path.iterdir()
    pid = Report.read(path)["process"]["pid"]
    rest = path.name.removeprefix(f"sites.{pid}.{socket.gethostname()}.").removesuffix(".end")
    number, _, when = rest.partition(".")
    assert number.isdigit()
    digits = re.sub(r"\D", "", when)
    assert len(digits) >= 10 and int(digits) >= before


def test_placeholder_n_is_the_first_free_number(tmp_path):
    for _ in range(3):
        run([program("whose_malloc")], env={"HEAPTAG_REPORT": f"{tmp_path}/r%n"}).ok()
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names in (["r1", "r2", "r3"], ["r0", "r1", "r2"])


def test_a_relative_path_is_where_the_program_started(tmp_path):
    """The program may change its directory before it ends."""
    run(["/bin/bash", "-c", "cd /; exit 0"], cwd=tmp_path, env={"HEAPTAG_REPORT": "r"}).ok()
    assert (tmp_path / "r").exists()


@pytest.mark.parametrize("path,reason", [
    ("/nonexistent/folder/r", "No such file or directory"), ("/proc/r", "No such file"),
    ("/etc/passwd/r", "Not a directory")])
def test_unwritable_path(path, reason):
    """One line that names the path, the reason and the next step; the status stays."""
    done = run([program("exits"), "return"], env={"HEAPTAG_REPORT": path})
    assert done.status == 7
    (line,) = done.stderr.splitlines()
    assert "heaptag" in line and path in line and reason.lower() in line.lower()
    assert len(line) > len(path) + len(reason) + 20, "no next step"


def test_full_disk(tmp_path):
    """A report that does not fit is said to be cut short; the twin with room says nothing."""
    small = tmp_path / "small"
    small.mkdir()
    mount = subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True)
    if mount.returncode != 0:
        pytest.skip("mount namespaces are not permitted here")
    script = (f"mount -t tmpfs -o size=4k none {small} && LD_PRELOAD={LIBRARY} "
              f"HEAPTAG_FORMAT=json HEAPTAG_REPORT={small}/r {program('sites')}")
    done = run(["unshare", "-m", "sh", "-c", script], preload=False)
    assert done.status == 0
    (line,) = messages(done)
    assert f"{small}/r" in line and re.search("disk|space", line)
    done = run(["unshare", "-m", "sh", "-c", script.replace("4k", "10m")], preload=False)
    assert (done.status, done.stderr) == (0, "")


# ---- options ------------------------------------------------------------------------------------

@pytest.mark.parametrize("name,nearest", [("HEAPTAG_REPROT", "HEAPTAG_REPORT"),
                                          ("HEAPTAG_FORMATS", "HEAPTAG_FORMAT"),
                                          ("HEAPTAG_LOGS", "HEAPTAG_LOG")])
def test_unknown_option(run_both, name, nearest):
    """One line that names it and the nearest known one; the program runs as ever."""
    without = run([program("mix"), "1", "100"], preload=False)
    done = run([program("mix"), "1", "100"], env={name: "1"})
    assert (done.status, done.stdout) == (without.status, without.stdout)
    (line,) = done.stderr.splitlines()
    assert name in line and nearest in line.replace(name, "")


def test_unknown_option_is_said_once_per_process_tree():
    script = f"{program('exits')} return; {program('exits')} _exit & wait; (exit 3); exit 0"
    done = run(["/bin/sh", "-c", script], env={"HEAPTAG_NONSENSE": "1"})
    assert len(messages(done)) == 1 and done.status == 0


@pytest.mark.parametrize("name,value", [("HEAPTAG_FORMAT", "xml"), ("HEAPTAG_FORMAT", "JSON!"),
                                        ("HEAPTAG_CHILDREN", "perhaps")])
def test_malformed_value(name, value):
    """One line that names the variable and the value; the program runs as ever."""
    done = run([program("exits"), "return"], env={name: value})
    assert done.status == 7
    (line,) = done.stderr.splitlines()
    assert name in line and value in line


@pytest.mark.parametrize("name,value", [("HEAPTAG_FORMAT", "text"), ("HEAPTAG_FORMAT", "json"),
                                        ("HEAPTAG_CHILDREN", "off"), ("NOT_HEAPTAG_X", "1")])
def test_well_formed_value_says_nothing(name, value):
    done = run([program("exits"), "return"], env={name: value})
    assert (done.status, done.stderr) == (7, "")


def test_messages_go_where_log_says(tmp_path):
    done = run([program("exits"), "return"],
               env={"HEAPTAG_LOG": str(tmp_path / "log"), "HEAPTAG_NONSENSE": "1",
                    "HEAPTAG_REPORT": "/nonexistent/folder/r"})
    assert (done.status, done.stderr) == (7, "")
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 2
    assert "HEAPTAG_NONSENSE" in lines[0] and "/nonexistent/folder/r" in lines[1]


def test_log_without_messages_makes_no_trouble(tmp_path):
    done = run([program("exits"), "return"], env={"HEAPTAG_LOG": str(tmp_path / "log")})
    assert (done.status, done.stderr) == (7, "")


# ---- children -----------------------------------------------------------------------------------

TREE = f"{program('exits')} return; {program('threads')} fork 1 50; exit 4"


def test_children_write_no_report_by_default(tmp_path):
    """Without %p in the path only the first process reports."""
    done = run(["/bin/sh", "-c", TREE],
               env={"HEAPTAG_REPORT": str(tmp_path / "r"), "HEAPTAG_FORMAT": "json"})
    assert (done.status, done.stderr) == (4, "")
    (path,) = tmp_path.iterdir()
    assert Report.read(path)["process"]["exit"] == 4


def test_every_process_reports_with_its_pid_in_the_path(tmp_path):
    done = run(["/bin/sh", "-c", TREE],
               env={"HEAPTAG_REPORT": f"{tmp_path}/%p", "HEAPTAG_FORMAT": "json"})
    assert (done.status, done.stderr) == (4, "")
    reports = [Report.read(p) for p in tmp_path.iterdir()]
    programs = sorted(r["process"]["program"] for r in reports)
    assert programs.count("exits") == 1 and programs.count("threads") == 2
    for path in tmp_path.iterdir():
        assert path.name == str(Report.read(path)["process"]["pid"])


def test_children_off(tmp_path):
    done = run(["/bin/sh", "-c", TREE],
               env={"HEAPTAG_REPORT": f"{tmp_path}/%p", "HEAPTAG_FORMAT": "json",
                    "HEAPTAG_CHILDREN": "off"})
    assert (done.status, done.stderr) == (4, "")
    assert len(list(tmp_path.iterdir())) == 1


# ---- poor surroundings --------------------------------------------------------------------------

def test_without_proc(tmp_path):
    """The figures are exact; names need the files of the modules, which /proc may be needed for."""
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("mount namespaces are not permitted here")
    script = (f"mount -t tmpfs none /proc && LD_PRELOAD={LIBRARY} HEAPTAG_FORMAT=json "
              f"HEAPTAG_REPORT={tmp_path}/r exec {program('sites')}")
    done = run(["unshare", "-m", "sh", "-c", script], preload=False)
    assert (done.status, done.signal) == (0, None) and len(messages(done)) <= 1
    report = Report.read(tmp_path / "r")
    assert any(site["allocations"] == 7 and site["live_bytes"] == 7 * 20002
               for site in report.sites())


@pytest.mark.parametrize("mib", [64, 256, 1024])
@pytest.mark.parametrize("argv", [["mix", "3", "3000"], ["cxx_mix"], ["threads", "local", "3", "500"]],
                         ids=lambda a: a[0])
def test_limited_address_space(run_both, argv, mib):
    done = run_both([program(argv[0]), *argv[1:]], limits={resource.RLIMIT_AS: mib << 20})
    assert done.status == 0


@pytest.mark.parametrize("mib", [64, 1024])
def test_limited_address_space_report(mib):
    report = run([program("sites")], limits={resource.RLIMIT_AS: mib << 20},
                 report=True).ok().report
    assert report.by_function("big")["live_bytes"] == 5000000


@pytest.mark.parametrize("mib", [48, 200, 1000])
def test_memory_runs_out(run_both, mib):
    """NULL with ENOMEM, no word, no abort; the failed call is counted where it was made."""
    limits = {resource.RLIMIT_AS: mib << 20}
    done = run_both([program("exhaust")], limits=limits)
    assert (done.status, done.stdout) == (0, "good\n")
    report = run([program("exhaust")], report=True, limits=limits).ok().report
    assert report.totals["failed"] == 3
    assert sum(tag["failed"] for tag in report["tags"] if tag["name"] == "fails_once") == 2


@pytest.mark.parametrize("mib", [48, 200, 1000])
def test_program_that_limits_itself(run_both, mib):
    """The limit comes when our address space is reserved already: it may not end all allocation."""
    done = run_both([program("exhaust"), mib])
    assert (done.status, done.stdout) == (0, "good\n")


def test_ulimit_in_a_preloaded_shell(run_both):
    """The shell limits itself, works on, and starts a program under the limit."""
    script = f"ulimit -v 200000; a=$(seq 1 20000); echo ${{#a}}; {program('mix')} 3 1000"
    done = run_both(["/bin/bash", "-c", script])
    assert done.status == 0 and done.stdout.startswith("108893\n")


def test_report_of_a_program_that_closed_everything(tmp_path):
    paths = [tmp_path / n for n in "abc"]
    done = run([program("closes_all"), *paths],
               env={"HEAPTAG_REPORT": str(tmp_path / "r"), "HEAPTAG_FORMAT": "json"})
    assert done.status == 5
    assert Report.read(tmp_path / "r")["process"]["exit"] == 5
    assert [p.stat().st_size for p in paths] == [33400, 33300, 33300]


def test_report_of_a_stripped_program(tmp_path):
    """Without symbols an owner is module+0xoffset; the figures stay."""
    stripped = tmp_path / "sites"
    subprocess.run(["strip", "-o", stripped, program("sites")], check=True)
    report = run([stripped], report=True).ok().report
    names = [t["name"] for t in report["tags"] if t["sites"][0]["frames"][0]["module"] ==
             str(stripped)]
    assert names and all(re.fullmatch(r"sites\+0x[0-9a-f]+", name) for name in names)
    assert any(tag["live_bytes"] == 7 * 20002 for tag in report["tags"])


@pytest.mark.slow
@pytest.mark.skipif(not DEBUG_LIBRARY.exists(), reason="no Debug build (tests/run makes one)")
def test_debug_build_reports_the_same():
    release = run([program("sites")], report=True).ok().report
    debug = run([program("sites")], report=True, library=DEBUG_LIBRARY).ok().report
    for function in ("give_10001", "align_64", "big", "deep", "nothing"):
        assert debug.by_function(function) == release.by_function(function)
