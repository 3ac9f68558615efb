"""What holds for every test."""

import signal

import pytest
from hypothesis import HealthCheck, settings

from macaw_cli.basics.threads import share_cores

share_cores()  # before anything imports torch

# A shell starts background jobs with SIGINT ignored, and every process below inherits that: Ctrl-C could not be tested.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run, however long they take on a busy machine.
settings.register_profile(
    "reproducible", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("reproducible")


@pytest.fixture(scope="session")
def byte_tokenizer():
    import tiny_macaw  # imports torch, which most tests do without

    return tiny_macaw.byte_tokenizer()


@pytest.fixture(scope="session")
def tiny_llm(byte_tokenizer):
    import tiny_macaw

    return tiny_macaw.tiny_llm(byte_tokenizer)


@pytest.fixture(scope="session")
def workspace_folder(tmp_path_factory):
    """A whole tiny workspace with a finished model; not to be changed."""
    import tiny_macaw

    return tiny_macaw.make_workspace(tmp_path_factory.mktemp("workspace"))


@pytest.fixture
def workspace(world, tmp_path):
    """`workspace(**training settings)`: a workspace in the test's folder, or in the subfolder `at`, on `world`."""
    from tiny_world import make_workspace

    def make(at: str = ".", **training):
        return make_workspace(world, tmp_path / at, **training)

    return make


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A folder with an LLM, a feature store and a dataset, for trainings; not to be changed."""
    from tiny_world import make_world

    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def expert_workspace(tmp_path_factory):
    """A workspace with extracted features whose media experts can describe; not to be changed."""
    import tiny_experts

    from macaw_cli.config.loading import open_workspace
    from macaw_cli.features.extract import extract

    root = tiny_experts.make_workspace(tmp_path_factory.mktemp("experts"))
    extract(open_workspace(root), [str(root / "media")])
    return root


@pytest.fixture(scope="session")
def told_workspace(expert_workspace, tmp_path_factory):
    """Such a workspace with a run `beside`, whose model reads texts and features, and `instead`, which reads texts
    alone; not to be changed."""
    import tiny_experts

    return tiny_experts.train_runs(expert_workspace, tmp_path_factory.mktemp("told") / "workspace")
