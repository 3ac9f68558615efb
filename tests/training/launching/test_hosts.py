"""Hostfiles: what is read, and what is refused with the line."""

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training.launching.hosts import Host, read_hostfile
from macaw_cli.training.processes import Processes, choose_processes


@pytest.fixture
def hostfile(tmp_path):
    def write(text):
        path = tmp_path / "hostfile"
        path.write_text(text)
        return path

    return write


def test_hosts_and_slots_are_read_in_order_without_comments_and_empty_lines(hostfile):
    path = hostfile("# two machines\nnode2 slots=8\n\nme@node1   slots = 4  # the old one\n")
    assert read_hostfile(path, None) == (Host("node2", 8), Host("me@node1", 4))
    assert read_hostfile(path, 2) == (Host("node2", 2), Host("me@node1", 2))
    assert Host("me@node1", 2).address == "node1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("node1 slots=8\nnode2 slots=many\n", r"line 2: expected `host slots=8`, found `node2 slots=many`"),
        ("node1 slots=0\n", "line 1: expected"),
        ("-oProxyCommand=reboot slots=1\n", "line 1: expected"),
        ("node1 slots=8\nme@node1 slots=8\n", "line 2: me@node1 stands in the file twice"),
        ("node1\n", "line 1: node1 has no slots. Write `slots=8`, or add --gpus 8"),
        ("# nobody\n", "names no host"),
        ("localhost slots=8\nnode2 slots=8\n", "names localhost, which means another machine on each of the others"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_line(hostfile, text, message):
    with pytest.raises(InputError, match=message):
        read_hostfile(hostfile(text), None)


def test_more_processes_than_slots_are_refused(hostfile):
    with pytest.raises(InputError, match="node1 has 4 slots, fewer than the 8 processes per host"):
        read_hostfile(hostfile("node1 slots=4\n"), 8)


def test_a_missing_hostfile_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_hostfile(tmp_path / "none", 1)


def test_processes_are_counted_over_all_hosts(hostfile):
    hosts = hostfile("node1 slots=2\nnode2 slots=6\n")
    chosen = choose_processes(TrainingSettings(packs_per_step=8), None, None, hosts)
    assert chosen == Processes(8, "cuda", (Host("node1", 2), Host("node2", 6)))
    assert choose_processes(TrainingSettings(packs_per_step=8), None, 2, hosts).device == "cpu"
