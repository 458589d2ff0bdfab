"""Reports written by a test, for what the command makes of them."""
import json

PROGRAM, JPEG = "/usr/bin/thumbd", "/usr/lib/libjpeg.so.62"


def frame(module, offset, function=None, file=None, inlined=False):
    return {"module": module, "build_id": "1f3c9ab3", "offset": hex(offset), "function": function,
            "file": file, "line": 7 if file else None, "inlined": inlined,
            "function_offset": "0x1f"}


def site(number, calls, size, *frames, at_peak=None, size_classes=None):
    """`calls` blocks of `size` bytes, the first of which is live."""
    return {"id": number, "frames": list(frames), "allocations": calls, "frees": calls - 1,
            "live_blocks": 1, "live_bytes": size, "usable_bytes": size + 8,
            "allocated_bytes": calls * size, "failed": 0, "at_peak_bytes": at_peak,
            "size_classes": size_classes}


SUMMED = ("allocations", "frees", "live_blocks", "live_bytes", "usable_bytes", "allocated_bytes",
          "failed")


def tag(name, *sites, origin="site", at_peak=0, peak=None):
    row = {"name": name, "origin": origin, "at_peak_bytes": at_peak, "limit_bytes": None,
           "sites": list(sites)}
    for key in SUMMED:
        row[key] = sum(one[key] for one in sites)
    row["peak_live_bytes"] = max(peak or 0, at_peak, row["live_bytes"])
    return row


def report(*tags, rules=(), **more):
    """Totals are the sums of the tags."""
    totals = {key: sum(one[key] for one in tags) for key in SUMMED}
    totals.update(peak_live_bytes=sum(one["at_peak_bytes"] for one in tags), threads=1)
    return {"heaptag": {"version": "1", "schema": 1},
            "process": {"pid": 4711, "program": "thumbd", "argv": ["./thumbd", "--batch"],
                        "reason": "exit", "exit": 0},
            "totals": totals, "tags": list(tags), "rules": list(rules), **more}


def write(path, content):
    path.write_text(json.dumps(content))
    return path
