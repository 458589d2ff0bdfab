"""What cannot be had is said once, and never stops the program."""
import os
import resource

from runner import run


def test_a_pipe_that_nobody_reads_is_an_error_not_a_wait(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = run(["/bin/true"], env={"HEAPTAG_REPORT": str(pipe)}, timeout=20)
    assert done.status == 0
    assert str(pipe) in done.stderr and "nobody reads" in done.stderr


def test_a_directory_is_no_report(tmp_path):
    done = run(["/bin/true"], env={"HEAPTAG_REPORT": str(tmp_path)})
    assert done.status == 0
    assert "is a directory" in done.stderr
    assert not list(tmp_path.parent.glob(tmp_path.name + ".*"))


def test_too_little_address_space_to_begin_is_like_no_memory():
    """From hardly anything to enough for libc: never worse than a failed malloc."""
    for limit in range(6, 40, 2):
        done = run(["/bin/sh", "-c", "exit 7"], limits={resource.RLIMIT_AS: limit << 20})
        assert done.signal is None, f"{limit} MiB: {done.signal}"
