"""Samples in, figures out: medians, spreads, ratios to the baseline, geometric means."""

import math
from statistics import median

from benchlib.workloads import GROUPS

MEASURES = ("cpu", "wall", "maxrss_kib", "minor_faults")


class Results:
    def __init__(self, workloads, allocators, baseline):
        self.workloads = workloads
        self.allocators = allocators
        self.baseline = baseline
        # samples[workload][allocator][round] → sample; a round that failed is absent
        self.samples = {w.name: {a.name: {} for a in allocators} for w in workloads}

    def add(self, workload, allocator, turn, sample):
        self.samples[workload.name][allocator.name][turn] = sample

    def values(self, workload, allocator, measure):
        return [sample[measure] for sample in self.samples[workload][allocator].values()]

    def median(self, workload, allocator, measure):
        values = self.values(workload, allocator, measure)
        return median(values) if values else None

    def ratio(self, workload, allocator, measure):
        """Ratio of the medians; None where a side is missing."""
        if self.baseline not in self.samples[workload]:
            return None
        own = self.median(workload, allocator, measure)
        base = self.median(workload, self.baseline, measure)
        return own / base if own is not None and base else None

    def ratio_spread(self, workload, allocator, measure):
        """(lowest, highest) ratio within a round: both sides met the same state of the machine."""
        own = self.samples[workload][allocator]
        base = self.samples[workload].get(self.baseline, {})
        ratios = [
            own[turn][measure] / base[turn][measure]
            for turn in own
            if turn in base and base[turn][measure]
        ]
        return (min(ratios), max(ratios)) if ratios else None

    def geometric_mean(self, group, allocator, measure):
        """(mean of the ratios over a group, how many); "suite" is all but real programs."""
        ratios = [
            self.ratio(w.name, allocator, measure)
            for w in self.workloads
            if group in ("all", w.group) or (group == "suite" and w.group != "real")
        ]
        ratios = [ratio for ratio in ratios if ratio]
        if not ratios:
            return None, 0
        return math.exp(sum(map(math.log, ratios)) / len(ratios)), len(ratios)

    def cell_spreads(self):
        """(highest − lowest) / median of the CPU time of every cell, sorted."""
        spreads = []
        for workload in self.workloads:
            for allocator in self.allocators:
                values = self.values(workload.name, allocator.name, "cpu")
                if len(values) > 1:
                    spreads.append((max(values) - min(values)) / median(values))
        return sorted(spreads)

    def groups(self):
        present = [g for g in GROUPS if any(w.group == g for w in self.workloads)]
        if len(present) == 1:
            return present
        if "real" not in present or len(present) == 2:
            return [*present, "all"]
        return ["micro", "threads", "suite", "real", "all"]

    def as_json(self):
        workloads = {}
        for w in self.workloads:
            rows = {}
            for a in self.allocators:
                if not self.samples[w.name][a.name]:
                    continue
                row = {"samples": list(self.samples[w.name][a.name].values())}
                for measure in MEASURES:
                    values = self.values(w.name, a.name, measure)
                    row[measure] = {
                        "median": median(values),
                        "min": min(values),
                        "max": max(values),
                        "ratio": self.ratio(w.name, a.name, measure),
                        "ratio_spread": self.ratio_spread(w.name, a.name, measure),
                    }
                rows[a.name] = row
            workloads[w.name] = {"group": w.group, "results": rows}
        means = {
            group: {
                a.name: {
                    measure: self.geometric_mean(group, a.name, measure)[0]
                    for measure in ("cpu", "maxrss_kib")
                }
                for a in self.allocators
            }
            for group in self.groups()
        }
        return {"baseline": self.baseline, "workloads": workloads, "geometric_means": means}
