import subprocess
import sys

from macaw_cli.basics import memory

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


def test_free_memory_is_what_a_container_may_still_use(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "CONTROL_GROUP", tmp_path)
    of_machine = memory.free_machine_bytes()
    assert of_machine > 1 << 20
    (tmp_path / "memory.max").write_text(f"{1 << 20}\n")
    (tmp_path / "memory.current").write_text(f"{1 << 19}\n")
    assert memory.free_machine_bytes() == 1 << 19
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_machine_bytes() > 1 << 20
