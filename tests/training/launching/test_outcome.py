"""What several processes came to: the first cause is told, with what helps against it."""

from pathlib import Path

import pytest

from macaw_cli.basics.errors import DamagedError, Interrupted, MacawError, ResourceError
from macaw_cli.config.loading import Workspace
from macaw_cli.config.settings import Settings
from macaw_cli.training.job import TrainingJob, TrainingReport
from macaw_cli.training.launching.outcome import (
    Death,
    leave_error,
    leave_report,
    leave_silence,
    leave_stop,
    report_of,
)
from macaw_cli.training.processes import Processes
from macaw_cli.training.run_folder import RunFolder

FOLLOWED = Death("Process 0 of 2 ended with exit code 1.", True)
KILLED = Death("Process 1 of 2 ended by signal 9.", False)


def job(device="cpu"):
    return TrainingJob(Workspace(Path(), Settings()), RunFolder(Path("runs/one")), False, Processes(2, device))


def test_a_report_comes_back_as_it_was_left(tmp_path):
    report = TrainingReport("one", 3, 0.5, None, 1.0, 0)
    leave_report(tmp_path, report)
    assert report_of(tmp_path, job(), None) == report


def test_the_death_that_others_followed_is_told_with_what_helps(tmp_path):
    with pytest.raises(ResourceError, match=r"1.*2.*9.*--resume.*training.sequence_length"):
        report_of(tmp_path, job(), KILLED)


def test_what_a_rank_raised_goes_before_the_deaths_that_it_caused(tmp_path):
    leave_error(tmp_path, 1, DamagedError("A shard is cut.", "Build it again."))
    with pytest.raises(MacawError, match="shard"):
        report_of(tmp_path, job(), FOLLOWED)


def test_a_stop_that_a_death_caused_is_told_as_that_death(tmp_path):
    leave_error(tmp_path, 0, Interrupted("Stopped by SIGTERM after step 9 of 50; a checkpoint is saved.", "", 143))
    with pytest.raises(ResourceError, match=r"9.*9") as error:
        report_of(tmp_path, job(), KILLED)
    assert error.value.exit_code == 1
    with pytest.raises(MacawError) as error:
        report_of(tmp_path, job(), None)
    assert error.value.exit_code == 143


def test_who_waited_in_vain_is_told_with_how_to_wait_longer(tmp_path):
    leave_silence(tmp_path, 0, "Timed out waiting 1800000ms")
    with pytest.raises(ResourceError, match=r"0.*2.*MACAW_COLLECTIVE_TIMEOUT_S"):
        report_of(tmp_path, job(), KILLED)


def test_a_process_that_nccl_has_ended_is_told_as_such_on_a_gpu(tmp_path):
    aborted = Death("Process 1 of 2 ended by signal 6.", False)
    with pytest.raises(ResourceError, match="NCCL ends a process"):
        report_of(tmp_path, job("cuda"), aborted)
    with pytest.raises(ResourceError) as error:
        report_of(tmp_path, job("cpu"), aborted)
    assert "NCCL" not in str(error.value)


def test_a_signal_before_the_first_step_ends_with_its_exit_code(tmp_path):
    leave_stop(tmp_path, 15)
    with pytest.raises(Interrupted, match="before the training began") as error:
        report_of(tmp_path, job(), None)
    assert error.value.exit_code == 143


def test_nothing_left_at_all_is_told(tmp_path):
    with pytest.raises(ResourceError, match="ended without a report"):
        report_of(tmp_path, job(), None)


def test_a_folder_that_went_with_the_command_is_not_written_to(tmp_path):
    leave_stop(tmp_path / "gone", 15)
    assert not list(tmp_path.iterdir())
