"""Every ZeRO stage on every mix of modalities with one and two processes: the same losses, and a clean end.

Minutes long; `nox -s acceptance` runs it. In the mixed column the two ranks see different modalities in one step, which
makes a stage that gathers or reduces per parameter hang, unless every rank touches every parameter.
"""

import json
from dataclasses import replace

import pytest
from tiny_world import make_workspace, make_world
from training_processes import losses, processes_in, start, wait_until

from macaw_cli.config.loading import Workspace
from macaw_cli.dataset.build import build_dataset
from macaw_cli.training.run import train
from macaw_cli.training.schedule.stages import all_steps, plan_stages
from macaw_cli.training.training_inputs import prepare

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
COLUMNS = {"text": ("t-",), "image": ("q-image",), "mixed": ("t-", "q-image", "q-audio", "q-video")}
ONE_CONVERSATION_PER_PACK = {"sequence_length": 230, "global_batch_size": 2, "max_steps": 5}
RUN = "macaw-1"


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """Column to a world whose dataset holds its conversations alone."""
    world = make_world(tmp_path_factory.mktemp("matrix-world"))
    rows = [json.loads(line) for line in (world / "questions.jsonl").read_text().splitlines()]
    for column, beginnings in COLUMNS.items():
        chosen = [row for row in rows if row["id"].startswith(beginnings)]
        (world / f"{column}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in chosen))
        space = make_workspace(world, world)
        dataset = replace(space.settings.dataset, sources=(f"jsonl:{column}.jsonl",), out=f"dataset-{column}")
        build_dataset(Workspace(world, replace(space.settings, dataset=dataset)))
    return world


def cell(world, folder, column, stage):
    space = make_workspace(world, folder, bridge="macaw", zero_stage=stage, **ONE_CONVERSATION_PER_PACK)
    file = folder / "macaw.yaml"
    file.write_text(file.read_text().replace(str(world / "dataset"), str(world / f"dataset-{column}")))
    dataset = replace(space.settings.dataset, out=str(world / f"dataset-{column}"))
    return Workspace(folder, replace(space.settings, dataset=dataset))


@pytest.fixture(scope="module")
def expected(worlds, tmp_path_factory):
    """Column to the losses of one process without ZeRO."""
    found = {}
    for column in COLUMNS:
        space = cell(worlds, tmp_path_factory.mktemp(f"matrix-{column}"), column, 0)
        train(space)
        found[column] = losses(space.root / "runs" / RUN)
    assert len({tuple(values) for values in found.values()}) == 3
    return found


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_every_cell_logs_the_losses_of_its_column(worlds, expected, tmp_path, stage, column, processes):
    space = cell(worlds, tmp_path, column, stage)
    process = start(space, "--cpu-processes", str(processes))
    try:
        _, err = process.communicate(timeout=200)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert losses(tmp_path / "runs" / RUN) == pytest.approx(expected[column], abs=1e-4)
    wait_until(lambda: not processes_in(tmp_path), "a process is left behind", seconds=10)


def test_the_ranks_of_the_mixed_column_see_different_modalities(worlds, tmp_path):
    space = cell(worlds, tmp_path, "mixed", 0)
    inputs = prepare(space)

    def seen(step, rank):
        sequences = step.sequences_of(rank, 2)
        return {ref.modality for sequence in sequences for example in sequence for ref in inputs.rows[example].media}

    steps = all_steps(plan_stages(inputs, space.settings))
    assert any(seen(step, 0) != seen(step, 1) for step in steps)
