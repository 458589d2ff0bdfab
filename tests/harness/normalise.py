"""Makes two outputs of one program comparable. What may differ from run to run is named kind by
kind, and each scenario says which kinds it needs: whatever it does not name is compared to the byte.

Values that stand for identities (pids, addresses) become numbers in order of appearance, so that two
lines about one process stay two lines about one process.
"""
import re

MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
UNITS = "ns|us|µs|ms|s|sec|secs|msec|milliseconds?|seconds?|minutes?"

MOMENTS = re.compile(
    rf"\b(?:{DAYS}),? (?:{MONTHS}|\d\d?) +(?:{MONTHS}|\d\d?),? [\d: ]{{4,14}}(?: (?:UTC|GMT)|\b)(?: \d{{4}})?"
    rf"|\b\d\d? (?:{MONTHS}) \d{{4}}(?: \d\d:\d\d:\d\d(?:\.\d+)?)?"
    r"|\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?: UTC|Z|[+-]\d\d:?\d\d)?)?"
    r"|\b\d\d?:\d\d:\d\d(?:\.\d+)?\b")
DURATIONS = re.compile(rf"(?<![\w.])\d+(?:\.\d+)?(?: ?)(?:{UNITS})(?![\w])")
USAGE = re.compile(r"load avg: \d+\.\d+|\d+ wallclock secs +\([^()]* = +[\d.]+ CPU\)")
RATES = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?= ?(?:[kKMG]i?[Bb](?:ytes)?|requests|bytes|tps)?"
                   r" ?(?:/ ?s(?:ec)?\b| per second\b))")
PIDS = re.compile(r"(\b(?:pid|process|thread|LWP)[ =:]{1,2}|(?<=[a-zA-Z])\[)(\d{2,7})(?=\]|\b)", re.I)
ADDRESSES = re.compile(r"\b0x[0-9a-f]{5,16}\b")


class Names:
    """The same value gets the same name."""

    def __init__(self, kind):
        self.kind, self.seen = kind, {}

    def of(self, value):
        return f"<{self.kind} {self.seen.setdefault(value, len(self.seen) + 1)}>"


def times(text):
    """Moments and durations with a unit, and how busy the machine was; not numbers without a unit."""
    text = USAGE.sub("<usage>", text)
    return DURATIONS.sub("<time>", MOMENTS.sub("<moment>", text))


def rates(text):
    return RATES.sub("<rate>", text)


def pids(text):
    """Numbers that the text itself calls one: `pid 17`, `name[17]`."""
    names = Names("pid")
    return PIDS.sub(lambda m: m[1] + names.of(m[2]), text)


def addresses(text):
    names = Names("address")
    return ADDRESSES.sub(lambda m: names.of(m[0]), text)


def order(text):
    """Lines in whatever order; how often each comes still counts."""
    return "".join(sorted(text.splitlines(keepends=True)))


# In the order in which they are applied, after `ports`.
KINDS = {"times": times, "rates": rates, "pids": pids, "addresses": addresses, "order": order}


def normalise(data, kinds, ports=()):
    """bytes -> bytes. `ports`: numbers that the harness has made up; only the kind `ports` asks for
    them to be exchanged, for in other texts they are numbers like all others."""
    unknown = set(kinds) - set(KINDS) - {"ports"}
    if unknown:
        raise ValueError(f"no such kind: {', '.join(sorted(unknown))}; there is ports, {', '.join(KINDS)}")
    if not kinds:
        return data
    text = data.decode("latin-1")
    for port in ports if "ports" in kinds else ():
        text = re.sub(rf"(?<!\w){re.escape(port)}(?!\w)", "<port>", text)
    for kind, function in KINDS.items():
        if kind in kinds:
            text = function(text)
    return text.encode("latin-1")
