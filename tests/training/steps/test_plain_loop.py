"""`macaw train` and a plain torch loop on the same batches: the same losses.

The loop is what one would write by hand: each conversation in a row of its own, AdamW, gradients clipped to norm 1, the
same schedule. Nothing between plan, engine, packing and loss may make a step worth less than the loop's.
"""

import json

import pytest
import torch

from macaw_cli.training.data.batches import SequenceReader
from macaw_cli.training.run import train
from macaw_cli.training.schedule.learning_rates import learning_rates
from macaw_cli.training.schedule.stage_plan import plan_stage
from macaw_cli.training.training_inputs import prepare
from macaw_cli.training.tuning.model_setup import new_model
from macaw_cli.training.tuning.parameter_groups import freeze

STEPS = 20


def losses_of_training(space):
    train(space)
    (run,) = (path for path in (space.root / "runs").iterdir() if path.name[0] != ".")
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


def losses_of_plain_loop(space):
    settings, inputs = space.settings.training, prepare(space)
    steps = plan_stage(inputs, settings, space.settings.seed)
    model = new_model(space, inputs.config, inputs.dataset, tokenizer=inputs.tokenizer)
    freeze(model, settings.train)
    model.train()
    groups = {
        name: [parameter for parameter in parameters.values() if parameter.requires_grad]
        for name, parameters in model.trainable_groups().items()
    }
    optimizer = torch.optim.AdamW(
        [{"params": parameters, "name": name} for name, parameters in groups.items() if parameters], weight_decay=0.0
    )
    reader = SequenceReader(inputs.dataset, inputs.rows, inputs.tokens, torch.float32)
    losses = []
    for number, step in enumerate(steps):
        rates = learning_rates(number, settings, len(steps))
        for group in optimizer.param_groups:
            group["lr"] = rates[group["name"]]
        optimizer.zero_grad()
        total = 0.0
        for example in (example for sequence in step.sequences for example in sequence):
            fed = reader.read((example,)).inputs(torch.device("cpu"))
            output = model(
                **{name: value for name, value in fed.items() if name != "position_ids"},
                attention_mask=torch.ones_like(fed["input_ids"]), use_cache=False,
                num_supervised=step.supervised_tokens,
            )  # fmt: skip
            output.loss.backward()
            total += output.loss.item()
        torch.nn.utils.clip_grad_norm_([p for group in groups.values() for p in group], settings.max_gradient_norm)
        optimizer.step()
        losses.append(total)
    return losses


@pytest.mark.parametrize("sequences", [{}, {"sequence_length": 16, "global_batch_size": 8}], ids=["packed", "unpacked"])
@pytest.mark.parametrize(
    "groups", [["bridge", "begin_end_tokens"], ["bridge", "begin_end_tokens", "llm"]], ids=["frozen", "trained"]
)
@pytest.mark.parametrize("bridge", ["linear", "mlp", "macaw", "frame-stack"])
def test_training_gives_the_losses_of_a_plain_loop(workspace, bridge, groups, sequences):
    space = workspace(bridge=bridge, train=groups, max_steps=STEPS, epochs=50, **sequences)
    assert losses_of_training(space) == pytest.approx(losses_of_plain_loop(space), rel=1e-4)
