"""The builds of the library that a test may be run with: @pytest.mark.parametrize("library", LIBRARIES)."""
import pytest

from runner import DEBUG_LIBRARY, LIBRARY

LIBRARIES = [pytest.param(LIBRARY, id="release"),
             pytest.param(DEBUG_LIBRARY, id="debug", marks=[
                 pytest.mark.slow,
                 pytest.mark.skipif(not DEBUG_LIBRARY.exists(),
                                    reason="no Debug build (tests/run makes one)")])]
