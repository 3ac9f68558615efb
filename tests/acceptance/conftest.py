import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the test folders are no packages; tiny_macaw.py stands above
