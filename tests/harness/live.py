"""Processes that run under heaptag while somebody looks at them, and how to look."""
import contextlib
import json
import subprocess

from runner import COMMAND, LIBRARY, Report, base_environment, program, run

GROWING = ("allocations", "frees", "allocated_bytes", "failed")


@contextlib.contextmanager
def running(*argv, env=None, preload=True, wait_for="ready"):
    """A program of tests/programs that has said `wait_for`; killed at the end."""
    environment = {**base_environment(), **(env or {})}
    if preload:
        environment["LD_PRELOAD"] = str(LIBRARY)
    child = subprocess.Popen([program(argv[0]), *map(str, argv[1:])], env=environment,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        while wait_for and (line := child.stdout.readline()).strip() != wait_for:
            assert line, f"{argv} ended with {child.wait()}"
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


def heaptag(*arguments, **options):
    return run([COMMAND, *arguments], preload=False, **options)


def report_of(target, *arguments):
    """The JSON report of a target; its sums hold."""
    done = heaptag("report", target, "--format", "json", *arguments).ok()
    report = Report(json.loads(done.stdout))
    report.check_sums()
    return report


def by_site(report):
    """Figures by (module, offset): what two reports of one process have in common."""
    return {(site["frames"][-1]["module"], site["frames"][-1]["offset"]):
            {key: site[key] for key in (*GROWING, "live_blocks", "live_bytes", "usable_bytes")}
            for site in report.sites() if site["frames"]}
