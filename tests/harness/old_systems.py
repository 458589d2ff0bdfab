"""The interfaces of the old systems (OSMalloc, MALLOC): runs the programs below programs/osmalloc,
programs/mtype and programs/old_systems, which are tables of cases.

Each is linked with the library, and is run as it is and once more under the preload.
"""
import re
import signal

import runner
from runner import program, run

HOWS = ["linked", "preloaded"]
PANIC = re.compile(r"^heaptag: panic: (.*)$", re.M)


def run_case(path, case, *arguments, how="linked", **options):
    return run([program(path), case, *arguments], preload=how == "preloaded", **options)


def passes(path, case, *arguments, **options):
    """The case holds, and nobody has said anything."""
    done = run_case(path, case, *arguments, **options).ok()
    assert done.stdout.splitlines()[-1:] == ["ok"], done.stdout
    return done


def holds(path, case, *arguments, **options):
    """The case holds; what was said on stderr is the caller's business."""
    done = run_case(path, case, *arguments, **options)
    assert (done.status, done.signal) == (0, None), f"{done.stdout}\n{done.stderr}"
    assert done.stdout.splitlines()[-1:] == ["ok"], done.stdout
    return done


def panics_of(text):
    return PANIC.findall(text)


def other_lines(text):
    """What is on stderr beside panics, with the error that each of them tells of before, and the
    list of what a freed tag still had."""
    return [line for line in text.splitlines()
            if not re.match(r"heaptag: panic: |heaptag: OSMalloc tag '|heaptag:   |==\d+==", line)]


def list_cases(path):
    try:
        return run([program(path), "list"], preload=False).stdout.split()
    except OSError:  # not built: conftest says so
        return []


def check_panic(path, case, pattern, env=None):
    """The guilty call panics with a message that matches, whatever follows; its twin is silent."""
    env = env or {}
    died = run_case(path, case, "bad", "die", env=env)
    assert died.signal == signal.SIGABRT and "went on" not in died.stdout, str(died.outcome)
    assert len(panics_of(died.stderr)) == 1, died.stderr
    assert re.search(pattern, panics_of(died.stderr)[0]), died.stderr
    preloaded = run_case(path, case, "bad", "die", how="preloaded", env=env)
    assert preloaded.signal == signal.SIGABRT, str(preloaded.outcome)
    assert len(panics_of(preloaded.stderr)) == 1, preloaded.stderr

    caught = run_case(path, case, "bad", "catch", env=env)
    message = re.search(r"^caught: (.*)$", caught.stdout, re.M)
    assert caught.status == 0 and message, f"{caught.stdout}\n{caught.stderr}"
    assert re.search(pattern, message[1]), message[1]
    assert panics_of(caught.stderr) == [message[1]], "the log has what the hook is given"

    warned = run_case(path, case, "bad", "die", env=env | {"HEAPTAG_PANIC": "warn"})
    assert warned.status == 0 and warned.stdout.endswith("went on\n"), (
        f"{warned.stdout}\n{warned.stderr}")
    assert len(panics_of(warned.stderr)) == 1, warned.stderr
    ended = run_case(path, case, "bad", "die", env=env | {"HEAPTAG_PANIC": "exit:77"})
    assert ended.status == 77 and len(panics_of(ended.stderr)) == 1, str(ended.outcome)

    for what in ("die", "catch"):
        twin = run_case(path, case, "good", what, env=env).ok()
        assert twin.stdout.endswith("went on\n"), twin.stdout
        assert what == "die" or "caught: nothing\n" in twin.stdout, twin.stdout
    return died


def tags_of(report, origin):
    return {tag["name"]: tag for tag in report["tags"] if tag["origin"] == origin}


def site_figures(tag):
    """{function: (allocations, allocated, live blocks, live bytes)} of a tag's sites."""
    figures = {}
    for site in tag["sites"]:
        name = runner.plain_name(site["frames"][0].get("function"))
        assert name not in figures, f"{name} has two sites in {tag['name']}"
        figures[name] = (site["allocations"], site["allocated_bytes"], site["live_blocks"],
                         site["live_bytes"])
    return figures
