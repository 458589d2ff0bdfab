"""The tables that compare prints, as plain text or Markdown, and the facts that go above them."""

import datetime
import os
import platform
from pathlib import Path

from benchlib.allocators import commit_of, output_of


def first_line(path):
    try:
        return Path(path).read_text().split("\n")[0].strip()
    except OSError:
        return ""


def machine(project):
    cpuinfo = Path("/proc/cpuinfo").read_text().split("\n")
    cpu = next((l.split(":", 1)[1].strip() for l in cpuinfo if l.startswith("model name")), "?")
    memory_kib = int(first_line("/proc/meminfo").split()[1])
    distribution = platform.freedesktop_os_release().get("PRETTY_NAME", "?")
    governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": commit_of(project),
        "cpu": cpu,
        "cpus": len(os.sched_getaffinity(0)),
        "memory_mib": memory_kib // 1024,
        "distribution": distribution,
        "kernel": platform.release(),
        "governor": governor or "none visible",
        "huge_pages": first_line("/sys/kernel/mm/transparent_hugepage/enabled") or "none",
        "load_at_start": round(os.getloadavg()[0], 2),
        "compiler": output_of("g++", "--version").split("\n")[0],
    }


def facts(where, allocators, rounds):
    """The lines above every table: a figure without them is worth nothing."""
    yield f"{where['date']}, heaptag {where['commit']}, {rounds} rounds"
    yield (
        f"{where['cpu']}, {where['cpus']} CPUs, {where['memory_mib']} MiB; "
        f"{where['distribution']}, Linux {where['kernel']}; governor {where['governor']}; "
        f"transparent huge pages {where['huge_pages']}; load at start {where['load_at_start']}"
    )
    yield f"workloads compiled with {where['compiler']}"
    yield "; ".join(f"{a.name} {a.version}" for a in allocators)


def ratio_text(cpu, memory):
    return "–" if cpu is None or memory is None else f"{cpu:.2f} / {memory:.2f}"


def ratio_table(results):
    names = [a.name for a in results.allocators]
    rows = [["workload", *names]]
    for w in results.workloads:
        cells = [
            ratio_text(results.ratio(w.name, n, "cpu"), results.ratio(w.name, n, "maxrss_kib"))
            for n in names
        ]
        rows.append([w.name, *cells])
    for group in results.groups():
        cells = []
        expected = max(results.geometric_mean(group, n, "cpu")[1] for n in names)
        for name in names:
            cpu, count = results.geometric_mean(group, name, "cpu")
            memory, _ = results.geometric_mean(group, name, "maxrss_kib")
            # A mean over fewer workloads than its neighbours' is not comparable with them.
            short = f" ({count} of {expected})" if 0 < count < expected else ""
            cells.append(ratio_text(cpu, memory) + short)
        rows.append([f"geometric mean, {group}", *cells])
    return rows


def detail_table(results):
    rows = [
        ["workload", "allocator", "CPU s", "min..max", "ratio", "in one round"]
        + ["wall s", "peak MiB", "ratio", "faults"]
    ]
    for w in results.workloads:
        for name in (a.name for a in results.allocators):
            cpu = results.values(w.name, name, "cpu")
            if not cpu:
                rows.append([w.name, name, *["–"] * 8])
                continue
            ratio = results.ratio(w.name, name, "cpu")
            within = results.ratio_spread(w.name, name, "cpu")
            memory = results.ratio(w.name, name, "maxrss_kib")
            rows.append(
                [
                    w.name,
                    name,
                    f"{results.median(w.name, name, 'cpu'):.3f}",
                    f"{min(cpu):.3f}..{max(cpu):.3f}",
                    "–" if ratio is None else f"{ratio:.2f}",
                    "–" if within is None else f"{within[0]:.2f}..{within[1]:.2f}",
                    f"{results.median(w.name, name, 'wall'):.3f}",
                    f"{results.median(w.name, name, 'maxrss_kib') / 1024:.1f}",
                    "–" if memory is None else f"{memory:.2f}",
                    f"{results.median(w.name, name, 'minor_faults'):.0f}",
                ]
            )
    return rows


def spread_line(results):
    spreads = results.cell_spreads()
    if not spreads:
        return "One round: no spread known, so no claim either."
    middle, high = (spreads[int((len(spreads) - 1) * part)] for part in (0.5, 0.9))
    return (
        f"Spread of a cell's CPU time, (max - min) / median: median {middle:.0%}, "
        f"90th percentile {high:.0%}."
    )


def as_text(rows, left):
    """Columns padded; the first `left` of them are words, the rest figures."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths))
        ]
        yield "  ".join(cells).rstrip()


def as_markdown(rows, left):
    yield "| " + " | ".join(rows[0]) + " |"
    yield "|" + "|".join("---" if i < left else "---:" for i in range(len(rows[0]))) + "|"
    for row in rows[1:]:
        yield "| " + " | ".join(row) + " |"


def render(results, where, rounds, markdown):
    """All lines of the report."""
    table = as_markdown if markdown else as_text
    bullet = "* " if markdown else ""
    for fact in facts(where, results.allocators, rounds):
        yield bullet + fact
    yield ""
    yield f"CPU time / peak memory as ratios to {results.baseline} (medians of {rounds} rounds):"
    yield ""
    yield from table(ratio_table(results), 1)
    yield ""
    yield spread_line(results)
    yield ""
    yield from table(detail_table(results), 2)
    yield ""
    yield "CPU: user + system of the whole process tree. Peak: the largest process of the tree"
    yield "(for g++ that is cc1plus). In one round: the lowest and highest ratio within a round."
