import os
import tempfile

import pytest

import runner

# Whatever the caller's shell has set must not reach the programs.
for name in [n for n in os.environ if n.startswith(("HEAPTAG_", "LD_"))]:
    del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def temporary_reports(tmp_path_factory):
    """Reports and scratch files land in pytest's own temporary folder."""
    tempfile.tempdir = str(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="session", autouse=True)
def library_is_loaded(temporary_reports):
    """Negative control: with the library not in use, all that follows would mean nothing."""
    if not runner.LIBRARY.exists():
        pytest.exit(f"{runner.LIBRARY} is missing: build first (tests/run does)", returncode=2)
    with_it = runner.run([runner.program("whose_malloc")])
    without = runner.run([runner.program("whose_malloc")], preload=False)
    assert with_it.status == 0 and without.status == 0, (with_it.stderr, without.stderr)
    assert runner.LIBRARY.name in with_it.stdout, f"not preloaded: {with_it.stdout}"
    assert "libc.so.6" in without.stdout, f"preloaded without asking: {without.stdout}"


@pytest.fixture
def run_preloaded():
    """run_preloaded(argv, env=, stdin=, report=True …) -> Run; see runner.run."""
    return runner.run


@pytest.fixture
def run_both():
    """Runs the same with and without the library; the outcome must be the same to the byte."""

    def both(argv, **options):
        without = runner.run(argv, preload=False, **options)
        with_it = runner.run(argv, **options)
        assert with_it.outcome == without.outcome
        return with_it

    return both
