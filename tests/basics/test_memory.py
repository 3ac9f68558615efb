import subprocess
import sys

CODE = """
import resource
import torch
from macaw_cli.basics.memory import keep_freed_memory
keep_freed_memory(1 << 30, 2 << 30)
def work():
    return torch.zeros(8 << 20).add_(1)
for _ in range(10):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_freed_memory_is_used_again_without_fresh_pages():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20_000, "ten times 32 MiB would be 80,000 pages"
