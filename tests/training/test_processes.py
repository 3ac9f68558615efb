"""How many processes, on what: impossible wishes are refused in one line that says what to type."""

import pytest

from macaw_cli.basics.errors import ResourceError, UsageError
from macaw_cli.basics.launched_rank import LaunchedRank
from macaw_cli.basics.threads import usable_cores
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.training import processes as processes_module
from macaw_cli.training.processes import Processes, choose_processes, gpu_of, planned_processes, with_precision

SETTINGS = TrainingSettings(precision="fp32", device="cpu")


def test_one_cpu_process_is_the_default_without_a_gpu():
    assert choose_processes(SETTINGS, None, None) == Processes(1, "cpu")


def test_eight_gpus_where_there_are_none_says_so_and_what_to_type(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    with pytest.raises(ResourceError, match=r"--gpus.*8.*--cpu-processes.*\d+"):
        choose_processes(SETTINGS, 8, None)


def test_eight_gpus_where_there_are_two_says_two(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    with pytest.raises(ResourceError, match=r"only 2 GPUs.*`--gpus 2`"):
        choose_processes(SETTINGS, 8, None)
    assert choose_processes(SETTINGS, 2, None) == Processes(2, "cuda")


def test_both_options_at_once_are_refused():
    with pytest.raises(UsageError, match="--gpus and --cpu-processes"):
        choose_processes(SETTINGS, 1, 1)


def test_fewer_than_one_process_is_refused():
    with pytest.raises(UsageError, match="at least 1"):
        choose_processes(SETTINGS, None, 0)


def test_a_number_that_does_not_divide_the_packed_sequences_is_refused():
    with pytest.raises(UsageError, match="cannot divide equally"):
        choose_processes(SETTINGS, None, 3)


def test_fp16_on_a_cpu_is_refused_with_what_works():
    with pytest.raises(UsageError, match=r"fp16.*precision=bf16"):
        choose_processes(TrainingSettings(precision="fp16", device="cpu"), None, None)


@pytest.mark.parametrize(
    ("gpus", "native", "precision", "told"),
    [
        (1, True, "bf16", []),
        (1, False, "fp16", ["fp16", "Tesla T4"]),
        (0, False, "bf16", ["no GPU", "bf16"]),
    ],
)
def test_automatic_precision_is_bf16_only_where_the_gpu_has_it(monkeypatch, capsys, gpus, native, precision, told):
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "Tesla T4")
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation=True: native or including_emulation)
    assert with_precision(TrainingSettings(), Processes(1, "cuda")).precision == precision
    said = capsys.readouterr().err
    assert all(words in said for words in told)
    assert bool(said) == bool(told)


def test_automatic_precision_is_fp32_on_a_cpu_and_another_one_stays(capsys):
    assert with_precision(TrainingSettings(), Processes(1, "cpu")).precision == "fp32"
    assert with_precision(TrainingSettings(precision="fp32"), Processes(1, "cuda")).precision == "fp32"
    assert capsys.readouterr().err == ""


def test_offload_without_zero_is_refused():
    with pytest.raises(UsageError, match="offload needs zero_stage"):
        choose_processes(TrainingSettings(precision="fp32", device="cpu", offload=True), None, None)


def test_a_gpu_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    with pytest.raises(ResourceError, match="no GPU"):
        choose_processes(TrainingSettings(precision="fp32", device="cuda"), None, None)


def test_threads_are_shared_out_unless_they_are_given(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert Processes(2, "cpu").threads_each == max(1, usable_cores() // 2)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert Processes(2, "cpu").threads_each == 5


@pytest.mark.parametrize(
    ("count", "device", "cores", "threads"),
    [(1, "cuda", 16, 8), (8, "cuda", 64, 4), (8, "cuda", 16, 2), (1, "cuda", 128, 8), (1, "cpu", 64, 2)],
)
def test_readers_take_half_of_the_cores_beside_a_gpu(monkeypatch, count, device, cores, threads):
    monkeypatch.setattr(processes_module, "usable_cores", lambda: cores)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # of torch's launcher; it is about threads that compute
    assert Processes(count, device).reader_threads == threads


def launched(rank=3, world_size=4, local_rank=1, local_world_size=2):
    return LaunchedRank("torchrun", rank, world_size, local_rank, local_world_size, "node1", 29500)


def test_what_a_launcher_has_started_are_the_processes(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert choose_processes(SETTINGS, None, None, launched()) == Processes(4, "cpu", elsewhere=2)
    assert planned_processes(SETTINGS, None, None, launched()) == Processes(4, "cpu", elsewhere=2)
    assert Processes(4, "cpu", elsewhere=2).threads_each == Processes(2, "cpu").threads_each
    assert Processes(4, "cpu", elsewhere=2) != Processes(4, "cpu")


@pytest.mark.parametrize("choose", [choose_processes, planned_processes])
@pytest.mark.parametrize(("gpus", "cpu_processes", "option"), [(4, None, "--gpus 4"), (None, 2, "--cpu-processes 2")])
def test_processes_of_our_own_beside_those_of_a_launcher_are_refused(choose, gpus, cpu_processes, option):
    with pytest.raises(UsageError) as error:
        choose(SETTINGS, gpus, cpu_processes, launched())
    assert option in error.value.problem
    assert "torchrun has started 4" in error.value.problem


def test_a_launched_process_takes_the_gpu_of_its_number_or_the_one_that_it_is_shown(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert gpu_of(launched()) == 1
    assert choose_processes(TrainingSettings(), None, None, launched()) == Processes(4, "cuda", elsewhere=2)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    assert gpu_of(launched()) == 0


def test_more_launched_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    with pytest.raises(ResourceError) as error:
        choose_processes(TrainingSettings(global_batch_size=8), None, None, launched(7, 8, 3, 4))
    assert ("4 processes" in error.value.problem, "2 GPUs" in error.value.problem) == (True, True)
