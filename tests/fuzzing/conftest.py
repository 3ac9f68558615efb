"""The helpers of other test folders, which are no packages."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "dataset"), str(TESTS / "export"), str(Path(__file__).parent)]
