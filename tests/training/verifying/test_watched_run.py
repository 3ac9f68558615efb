"""A training in another process tells its errors with their exit codes."""

import pytest

from macaw_cli.basics.errors import MacawError
from macaw_cli.training.signals import StopRequest
from macaw_cli.training.verifying.watched_run import Request, run_watched


def test_wrong_usage_keeps_its_exit_code(workspace, tmp_path):
    with pytest.raises(MacawError, match="exclude each other") as error:
        run_watched(Request(workspace(), gpus=1, cpu_processes=1), tmp_path, StopRequest())
    assert error.value.exit_code == 2
