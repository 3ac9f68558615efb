"""The environment of each launcher, as a rank; what is incomplete or cannot be is told with the variable's name."""

import pytest

from macaw_cli.basics.errors import UsageError
from macaw_cli.basics.launched_rank import (
    FIRST_PORT,
    PORTS,
    LaunchedRank,
    adopt,
    first_host,
    launched_rank,
    tasks_per_node,
)

TORCHRUN = {
    "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "node1",
    "MASTER_PORT": "29500", "TORCHELASTIC_RUN_ID": "1",
}  # fmt: skip
DEEPSPEED = {
    "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_SIZE": "4", "MASTER_ADDR": "node1",
    "MASTER_PORT": "29500", "CROSS_RANK": "1", "CROSS_SIZE": "2",
}  # fmt: skip
SRUN = {
    "SLURM_PROCID": "9", "SLURM_NTASKS": "12", "SLURM_LOCALID": "1", "SLURM_NODEID": "2", "SLURM_JOB_ID": "77",
    "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "12", "SLURM_STEP_TASKS_PER_NODE": "4(x2),3,1",
    "SLURM_JOB_NODELIST": "node[07-10]", "SLURM_STEP_NODELIST": "node[08-10],node12",
}  # fmt: skip
BATCH_SCRIPT = {"SLURM_PROCID": "0", "SLURM_NTASKS": "12", "SLURM_LOCALID": "0", "SLURM_JOB_NODELIST": "node[07-10]"}


def without(environment, *names):
    return {name: value for name, value in environment.items() if name not in names}


def test_torchrun_says_all_of_it():
    rank = launched_rank(TORCHRUN)
    assert rank == LaunchedRank("torchrun", 5, 8, 1, 4, "node1", 29500)
    assert rank.several_machines


def test_deepspeed_calls_the_processes_of_a_machine_local_size():
    assert launched_rank(DEEPSPEED) == LaunchedRank("deepspeed", 5, 8, 1, 4, "node1", 29500)


def test_srun_says_it_in_its_own_words():
    rank = launched_rank(SRUN)
    port = rank.master_port
    assert rank == LaunchedRank("srun", 9, 12, 1, 3, "node08", port)
    assert FIRST_PORT <= port < FIRST_PORT + PORTS
    assert launched_rank(SRUN | {"SLURM_PROCID": "10", "SLURM_LOCALID": "2"}).master_port == port
    assert launched_rank(SRUN | {"SLURM_STEP_ID": "1"}).master_port != port


def test_what_the_script_says_about_the_place_to_meet_goes_before_what_srun_lets_us_guess():
    rank = launched_rank(SRUN | {"MASTER_ADDR": "ib-node08", "MASTER_PORT": "1234", "WORLD_SIZE": "12"})
    assert (rank.master_address, rank.master_port) == ("ib-node08", 1234)


def test_torchrun_inside_srun_is_torchrun():
    assert launched_rank(SRUN | TORCHRUN).launcher == "torchrun"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"MASTER_ADDR": "node1", "MASTER_PORT": "1234"},
        {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"},
        TORCHRUN | {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"},
        SRUN | {"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1", "SLURM_STEP_TASKS_PER_NODE": "1"},
        BATCH_SCRIPT,
    ],
)
def test_a_single_process_has_no_launcher(environment):
    assert launched_rank(environment) is None


@pytest.mark.parametrize("name", ["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"])
def test_a_variable_of_torchrun_that_is_missing_is_named(name):
    with pytest.raises(UsageError) as error:
        launched_rank(without(TORCHRUN, name))
    assert name in error.value.problem.partition("but")[2]


@pytest.mark.parametrize(
    "names",
    [["SLURM_LOCALID"], ["SLURM_STEP_TASKS_PER_NODE"], ["SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"],
     ["SLURM_STEP_NUM_TASKS"]],
)  # fmt: skip
def test_a_variable_of_srun_that_is_missing_is_named(names):
    with pytest.raises(UsageError) as error:
        launched_rank(without(SRUN, *names))
    assert names[-1] in error.value.problem.partition("but")[2]


@pytest.mark.parametrize(
    ("environment", "values"),
    [
        (TORCHRUN | {"RANK": "8"}, ["8 of 8"]),
        (TORCHRUN | {"LOCAL_RANK": "4"}, ["4 of 4"]),
        (TORCHRUN | {"LOCAL_WORLD_SIZE": "9"}, ["1 of 9"]),
        (TORCHRUN | {"RANK": "first"}, ["RANK", "first"]),
        (SRUN | {"SLURM_NODEID": "4"}, ["1 of 0"]),
        (SRUN | {"SLURM_STEP_TASKS_PER_NODE": "many"}, ["1 of 0"]),
        (SRUN | {"WORLD_SIZE": "4"}, ["WORLD_SIZE is 4", "12 tasks"]),
        ({"WORLD_SIZE": "4"}, ["WORLD_SIZE", "RANK"]),
        ({"LOCAL_RANK": "0"}, ["LOCAL_RANK", "RANK"]),
    ],
)
def test_what_cannot_be_is_told_with_its_values(environment, values):
    with pytest.raises(UsageError) as error:
        launched_rank(environment)
    assert [value for value in values if value not in error.value.problem] == []


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("node1", "node1"), ("node1,node2", "node1"), ("node[007-009,12],gpu1", "node007"), ("gpu1,node[1-2]", "gpu1"),
     ("rack[2-3]node[5,7]", "rack2node5"), ("a-b[3]", "a-b3"), ("node[1-2].cluster.org", "node1.cluster.org")],
)  # fmt: skip
def test_the_first_machine_of_a_node_list_is_found(nodes, first):
    assert first_host(nodes) == first


def test_tasks_of_each_machine_are_counted():
    assert tasks_per_node("4(x2),3,1") == [4, 4, 3, 1]
    assert tasks_per_node("8") == [8]


def test_a_rank_is_put_where_torch_looks_for_it_and_reads_back():
    environment = dict(SRUN)
    rank = launched_rank(environment)
    adopt(rank, environment)
    again = launched_rank(environment)
    assert (again.rank, again.world_size, again.local_rank, again.local_world_size) == (9, 12, 1, 3)
    assert (again.master_address, again.master_port) == ("node08", rank.master_port)
