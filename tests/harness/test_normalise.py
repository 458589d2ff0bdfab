"""What normalise.py makes equal, and above all what it leaves different."""
import pytest

from normalise import normalise


def same(one, other, *kinds, ports=()):
    return normalise(one.encode(), kinds, ports) == normalise(other.encode(), kinds, ports)


@pytest.mark.parametrize("kind, one, other", [
    ("times", "took 12 ms", "took 3.5 s"),
    ("times", "Total duration: 1.1 sec", "Total duration: 10 sec"),
    ("times", "at 12:00:01, 2024-01-01", "at 23:59:59.25, 2023-12-31"),
    ("times", "2024-01-01T00:00:00Z", "2025-06-07 08:09:10+02:00"),
    ("times", "Sat Nov 28 15:22:26 UTC 2026", "Sun Mar  1 05:02:06 UTC 2026"),
    ("times", "28 Nov 2026 15:22:26.123 * Ready", "1 Dec 2026 05:22:26.999 * Ready"),
    ("times", "load avg: 0.12 [1/1] a", "load avg: 31.40 [1/1] a"),
    ("times", "6 wallclock secs ( 0.12 usr  0.03 sys +  1.83 cusr  0.41 csys =  2.39 CPU)",
     "16 wallclock secs ( 0.22 usr  0.03 sys +  1.83 cusr  0.41 csys =  2.49 CPU)"),
    ("rates", "1234.50 requests per second", "9.1 requests per second"),
    ("rates", "12 MB/s", "900 MB/s"),
    ("pids", "server process with PID 17", "server process with PID 4711"),
    ("pids", "sshd[77]: hello", "sshd[12345]: hello"),
    ("pids", "Process 12 and pid=13, LWP 12", "Process 99 and pid=98, LWP 99"),
    ("addresses", "at 0x7f0011223344", "at 0x55aa00000000"),
    ("order", "a\nb\nb\n", "b\na\nb\n"),
])
def test_may_differ(kind, one, other):
    assert same(one, other, kind)
    assert not same(one, other), "without the kind it is compared to the byte"
    others = {"times", "rates", "pids", "addresses", "order"} - {kind}
    assert not same(one, other, *others), "no other kind knows of it"


ALL = ("times", "rates", "pids", "addresses", "order", "ports")


@pytest.mark.parametrize("one, other", [
    ("1 test OK.", "2 tests OK."),
    ("12 failed", "13 failed"),
    ("read 10 bytes", "read 11 bytes"),
    ("array[5]", "array[6]"),
    ("count: 12", "count: 13"),
    ("12", "13"),
    ("12 lines\n", "13 lines\n"),
    ("exit status 3", "exit status 4"),
    ("version 1.2.3", "version 1.2.4"),
    ("took 12 ms", "took"),
    ("took 12 ms", "12 ms took"),
    ("x12 ms", "x13 ms"),
    ("12 msx", "13 msx"),
    ("0x1f", "0x2f"),
    ("a\na\n", "a\n"),
    ("a\nb", "a\nb\n"),
    ("ok", "ok\nSegmentation fault\n"),
    ("ok", "ok\n==12== heaptag: a message"),
    ("pid 17 waits for pid 18", "pid 17 waits for pid 17"),
    ("0x7f0011223344 is freed, 0x7f0011223344 is used", "0x7f0011223344 is freed, 0x7f0011223355 is used"),
    ("the port is 8080", "the port is 8081"),
    ("\xff", "\xfe"),
])
def test_must_not_be_hidden(one, other):
    assert not same(one, other, *ALL, ports=["36000"])


def test_a_port_is_a_number_like_others_unless_asked_for():
    one, other = b"port 36000, 36000x, 136000", b"port 36001, 36000x, 136000"
    assert normalise(one, [], ["36000"]) == one == normalise(one, ["times"], ["36000"])
    assert normalise(one, ["ports"], ["36000"]) == normalise(other, ["ports"], ["36001"])
    assert normalise(one, ["ports"], ["36000"]) == b"port <port>, 36000x, 136000"


def test_bytes_that_are_no_text_stay(kinds=("times", "addresses")):
    data = bytes(range(256))
    assert normalise(data, kinds) == data


def test_unknown_kind():
    with pytest.raises(ValueError, match="no such kind: tmies; there is ports, times"):
        normalise(b"", ["tmies"])
