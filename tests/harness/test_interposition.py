"""tests/INTERPOSITION.md names tests and scenarios that exist, and leaves no situation out."""
import re

import pytest

from runner import ROOT

TABLE = ROOT / "tests/INTERPOSITION.md"
SITUATIONS = 96


def missing(text):
    """What `text` names and is not there."""
    bad = []
    for file, function in re.findall(r"`(harness/\w+\.py)(?:::(\w+))?`", text):
        path = ROOT / "tests" / file
        source = path.read_text() if path.is_file() else ""
        found = re.search(rf"^def {function}\(", source, re.M) if function else source
        if not found:
            bad.append(f"{file}::{function}" if function else file)
    bad += [name for name in re.findall(r"`(real/\w+\.sh)`", text)
            if not (ROOT / "tests" / name).is_file()]
    gates = (ROOT / ".ci/gates").read_text()
    for names in re.findall(r"\bgates? (\w+(?:, \w+)*)", text):
        bad += [f"gate {n}" for n in names.split(", ") if not re.search(rf"\b{n}\b", gates)]
    return bad


def rows(text):
    return re.findall(r"^\| (\d+) \| (.+?) \| (.+) \|$", text, re.M)


def test_every_test_that_is_named_exists():
    assert missing(TABLE.read_text()) == []


def test_every_situation_has_a_row():
    numbers = [int(number) for number, _, _ in rows(TABLE.read_text())]
    assert numbers == list(range(1, SITUATIONS + 1))


@pytest.mark.parametrize("text", ["`harness/test_none.py`", "`harness/test_exact.py::test_none`",
                                  "`real/none.sh`", "gate none", "gates exports, none"])
def test_what_does_not_exist_is_found(text):
    assert len(missing(text)) == 1 and missing(
        "`harness/test_exact.py`, `real/git.sh`; gates exports, needed") == []
