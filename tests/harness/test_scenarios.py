"""The harness of the real programs finds what it is there to find."""
import pytest

from scenarios import Scenario
from test_real_programs import check_same


@pytest.fixture
def both(tmp_path):
    """both(body): a scenario made of `body`, plain and preloaded."""

    def work(body):
        path = tmp_path / "made.sh"
        path.write_text(f'#!/bin/bash\n# made\n. "$REAL/common.sh"\n{body}\n')
        outcomes = []
        for preload in (False, True):
            folder = tmp_path / str(preload)
            folder.mkdir()
            outcomes.append(Scenario(path).run(folder, preload=preload))
        return outcomes

    return work


@pytest.mark.parametrize("body", ["echo ${LD_PRELOAD-}", "echo ${LD_PRELOAD-} >&2",
                                  "echo ${LD_PRELOAD-} > out/f", "[ ! ${LD_PRELOAD-} ] || exit 3",
                                  "[ ! ${LD_PRELOAD-} ] || touch out/f",
                                  "[ ! ${LD_PRELOAD-} ] || kill -9 $$"])
def test_a_difference_is_found(both, body):
    with pytest.raises(AssertionError):
        check_same(*both(body))


def test_no_difference_is_found(both):
    plain, preloaded = both("echo out; echo err >&2; echo file > out/f; echo ${LD_PRELOAD-} > tmp/f")
    check_same(plain, preloaded)
    assert (plain.stdout, plain.stderr, plain.files) == (b"out\n", b"err\n", {"f": b"file\n"})
    assert plain.verdict == (0, None)


def test_what_is_left_behind_is_found_and_ended(both):
    with pytest.raises(AssertionError, match="left processes behind: .*sleep 1234"):
        both("setsid sleep 1234 > /dev/null 2>&1 &")


def test_servers_end_with_their_scenario(both):
    check_same(*both("serve sleep 1234\nserve sleep 1235\nexit 5"))
