"""Areas when something has gone wrong: killed processes, broken or foreign registries."""
import os
import random

import pytest

from areas import AREAS, AREAS_AT, FAULTS, FILE_BYTES, OBJECTS_AT, Registry, faults

pytestmark = pytest.mark.skipif(not AREAS.exists(), reason=f"{AREAS} is not built")

BROKEN = "-broken_registry"


@pytest.fixture
def registry():
    one = Registry()
    yield one
    one.remove()


def crash(registry, case, **env):
    return registry.case("crash", case,
                         env={"LD_PRELOAD": str(FAULTS), "HEAPTAG_AREAS_FOREIGN_DELETE": "1", **env})


@pytest.mark.parametrize("place", faults())
def test_killed_inside(registry, place):
    """X1: whoever had the lock is dead, and the next caller puts things in order."""
    crash(registry, "-at_each_place", AREAS_KILL_AT_OF_VICTIM=place).ok()
    assert registry.header()["recoveries"] == 1
    registry.check_empty()


def test_killed_nowhere(registry):
    """The twin: the same way, and nothing to recover from."""
    crash(registry, "-at_no_place").ok()
    assert registry.header()["recoveries"] == 0
    registry.check_empty()


def test_places_are_in_no_other_build():
    assert b"AREAS_KILL_AT" in FAULTS.read_bytes()
    assert b"AREAS_KILL_AT" not in AREAS.read_bytes()


@pytest.mark.parametrize("offset,data", [(0, b"\0"), (8, b"\2"), (12, b"\1"), (132, b"\xff" * 4),
                                         (136, b"\xff" * 4)],
                         ids=["magic", "version", "capacity", "areas_end", "objects_end"])
def test_broken_header(registry, offset, data):
    """X2."""
    registry.sweep()
    good = registry.path.read_bytes()
    registry.patch(offset, data)
    registry.hold("lookup", BROKEN)
    registry.path.write_bytes(good)
    registry.hold("lookup", "works")


@pytest.mark.parametrize("size", [0, 1, 4096, FILE_BYTES - 1, FILE_BYTES + 1])
def test_wrong_size(registry, size):
    registry.sweep()
    os.truncate(registry.path, size)
    registry.hold("lookup", BROKEN)


def test_not_ours(registry):
    """A link, a file that others may write, a folder, a second name."""
    registry.sweep()
    aside = registry.path.with_name(registry.path.name + "-aside")
    registry.path.rename(aside)
    try:
        registry.path.symlink_to(aside)
        registry.hold("lookup", BROKEN)
        registry.path.unlink()
        os.link(aside, registry.path)
        registry.hold("lookup", BROKEN)
        aside.unlink()
        registry.hold("lookup", "works")
        registry.path.chmod(0o666)
        registry.hold("lookup", BROKEN)
        registry.path.chmod(0o600)
        registry.hold("lookup", "works")
        if os.getuid() == 0:
            os.chown(registry.path, 65534, 65534)
            registry.hold("lookup", BROKEN)
        registry.path.unlink()
        registry.path.mkdir()
        registry.hold("lookup", BROKEN)
        registry.path.rmdir()
    finally:
        aside.unlink(missing_ok=True)


def test_held_by_nobody(registry):
    """A lock whose holder does not exist, and that the kernel has not given back."""
    registry.sweep()
    registry.patch(64, (0x3ffffffe).to_bytes(4, "little"))
    registry.hold("lookup", BROKEN)


@pytest.mark.parametrize("seed", range(12))
def test_random_bytes(registry, seed):
    """X2: whatever is in the records, no call crashes, and none waits for ever."""
    registry.sweep()
    dice = random.Random(seed)
    data = bytearray(registry.path.read_bytes())
    # As if 32 records of each were in use.
    data[132:140] = (32).to_bytes(4, "little") * 2
    for start, size in ((AREAS_AT, 4096), (OBJECTS_AT, 2048)):
        data[start:start + size] = dice.randbytes(size)
        for i in range(0, size, 128 if start == AREAS_AT else 64):
            if dice.random() < 0.7 and start == AREAS_AT:  # nearly sane
                data[start + i:start + i + 4] = dice.choice((1, 1, 2, 3)).to_bytes(4, "little")
                data[start + i + 4:start + i + 8] = dice.randrange(1, 40).to_bytes(4, "little")
                data[start + i + 60:start + i + 64] = dice.randrange(34).to_bytes(4, "little")
                data[start + i + 103] = 0
    registry.path.write_bytes(data)
    done = registry.case("lookup", "survives", timeout=60)
    assert done.signal is None and done.status == 0, done.stderr
