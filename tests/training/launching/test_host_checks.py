"""A host that cannot take part is told, with what it lacks, before anything is made.

The `ssh` of these tests stands in for the network, and for what another machine may lack (see conftest.py).
"""

import pytest

from macaw_cli.basics.errors import MacawError, MissingDependencyError, ResourceError
from macaw_cli.training.launching.host_checks import require_usable_hosts
from macaw_cli.training.launching.hosts import Host
from macaw_cli.training.processes import Processes


def check(folder, *hosts, device="cpu", trackers=()):
    chosen = tuple(Host(host, 1) for host in hosts)
    require_usable_hosts(Processes(len(hosts), device, chosen), folder, folder / "runs", trackers)


@pytest.mark.usefixtures("stand_in_for_ssh")
@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("nowhere", "nowhere cannot be reached over ssh: ssh: Could not resolve hostname nowhere"),
        ("no-disk", "no-disk has no folder .* must be on a file system that all machines share"),
        ("other-disk", "other-disk has a folder .*runs, but not the same one as this machine"),
        ("other-image", "other-image has no .*python.* Install macaw there"),
        ("other-torch", r"other-torch has other versions: torch 1\.0 there, \S+ here"),
    ],
)
def test_what_a_host_lacks_is_told(tmp_path, host, message):
    with pytest.raises(MacawError, match=message):
        check(tmp_path, "good", host)
    assert not list((tmp_path / "runs").iterdir())


@pytest.mark.usefixtures("stand_in_for_ssh")
def test_too_few_gpus_are_told_with_the_host(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(MacawError, match="good has 0 GPUs, fewer than the 1 asked for"):
        check(tmp_path, "good", device="cuda")


@pytest.mark.usefixtures("stand_in_for_ssh")
def test_good_hosts_pass_without_a_trace(tmp_path):
    check(tmp_path, "good", "me@other")
    assert not list((tmp_path / "runs").iterdir())


def test_no_ssh_here_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="needs ssh"):
        check(tmp_path, "node1")


def test_another_way_to_the_hosts_gets_the_host_and_the_command_as_words(tmp_path, monkeypatch):
    """As SLURM's srun takes them; the stand-in notes its words and runs the command here."""
    file = tmp_path / "srun"
    file.write_text(f'#!/bin/sh\necho "$1 $2 $3 $4" >> {tmp_path}/words\nshift 3\nexec "$@"\n')
    file.chmod(0o755)
    monkeypatch.setenv("MACAW_REMOTE_SHELL", f"{file} --overlap --nodelist")
    check(tmp_path, "node1")
    assert (tmp_path / "words").read_text() == "--overlap --nodelist node1 sh\n"


@pytest.mark.usefixtures("stand_in_for_ssh")
def test_what_a_login_shell_prints_does_no_harm_and_no_answer_is_told(tmp_path):
    check(tmp_path, "noisy")
    for host, said in (("silent", "nothing"), ("talking", "Welcome!")):
        with pytest.raises(ResourceError, match=f"{host} ran the check, .* it said: {said}"):
            check(tmp_path, host)


@pytest.mark.usefixtures("stand_in_for_ssh")
def test_only_the_first_host_needs_the_trackers(tmp_path):
    check(tmp_path, "good", "other", trackers=("json",))  # a package that is there
    with pytest.raises(MissingDependencyError, match=r"good has no no_such_tracker, which training\.trackers asks for"):
        check(tmp_path, "good", "other", trackers=("no_such_tracker",))
