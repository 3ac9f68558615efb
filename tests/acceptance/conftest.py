import sys
from pathlib import Path

# the test folders are no packages: tiny_macaw.py stands above, tiny_world.py and training_processes.py in training/
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "training")]
