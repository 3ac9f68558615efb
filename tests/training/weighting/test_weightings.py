"""What the weights of each mode come to, against closed forms, and what a checkpoint keeps of them."""

import json
import math
from itertools import pairwise

import pytest
import torch

from macaw_cli.config.loss_weights.fixed import FixedLossWeights
from macaw_cli.config.loss_weights.gradnorm import GradNormLossWeights
from macaw_cli.config.loss_weights.mixture import MixtureLossWeights
from macaw_cli.config.loss_weights.modes import MODES
from macaw_cli.config.loss_weights.uncertainty import UncertaintyLossWeights
from macaw_cli.training.weighting.mixture import entropy
from macaw_cli.training.weighting.modes import WEIGHTINGS, new_weighting
from macaw_cli.training.weighting.uncertainty import gradient
from macaw_cli.training.weighting.weighting import GroupFigures

GROUPS = ("audio", "image", "text")
SETTINGS = {
    "fixed": FixedLossWeights(mode="fixed", weights={"image": 2.0}),
    "gradnorm": GradNormLossWeights(mode="gradnorm"),
    "mixture": MixtureLossWeights(mode="mixture"),
    "uncertainty": UncertaintyLossWeights(mode="uncertainty"),
}


def figures(losses, gradients=None):
    sizes = gradients or dict.fromkeys(losses, 1.0)
    return {group: GroupFigures(loss, sizes[group]) for group, loss in losses.items()}


def after(weighting, steps, losses, gradients=None):
    for _ in range(steps):
        weighting.update(figures(losses, gradients))
    return weighting.weights()


def test_every_mode_has_settings_and_weights():
    assert set(WEIGHTINGS) | {"none"} == set(MODES)
    assert set(SETTINGS) == set(WEIGHTINGS)


@pytest.mark.parametrize("mode", sorted(set(SETTINGS) - {"fixed"}))
def test_weights_begin_at_one(mode):
    assert new_weighting(SETTINGS[mode], GROUPS, {}).weights() == dict.fromkeys(GROUPS, 1.0)


@pytest.mark.parametrize("mode", sorted(SETTINGS))
def test_a_checkpoint_keeps_all_of_it_to_the_last_bit(mode):
    undisturbed, first = (new_weighting(SETTINGS[mode], GROUPS, {}) for _ in range(2))
    losses = [{"image": 2.0 / n, "audio": 1.5, "text": 0.3 * n} for n in range(1, 9)]
    losses[3] = {"image": 0.7}  # a step without the others
    for step in losses:
        undisturbed.update(figures(step))
    for step in losses[:4]:
        first.update(figures(step))
    second = new_weighting(SETTINGS[mode], GROUPS, json.loads(json.dumps(first.state())))
    for step in losses[4:]:
        second.update(figures(step))
    assert second.weights() == undisturbed.weights()
    assert second.state() == undisturbed.state()


def test_fixed_weights_are_those_of_the_settings_and_one_elsewhere():
    assert after(new_weighting(SETTINGS["fixed"], GROUPS, {}), 5, {"image": 3.0}) == {
        "audio": 1.0, "image": 2.0, "text": 1.0
    }  # fmt: skip


@pytest.mark.parametrize("loss", [0.02, 0.5, 3.0])
def test_uncertainty_comes_to_rest_where_e_to_the_s_is_twice_the_loss(loss):
    assert gradient(math.log(2 * loss), loss) == pytest.approx(0, abs=1e-12)
    s = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    (torch.exp(-s) * loss + s / 2).backward()
    assert gradient(0.3, loss) == pytest.approx(s.grad.item(), rel=1e-12)
    weighting = new_weighting(SETTINGS["uncertainty"], GROUPS, {})
    weights = after(weighting, 3000, {"image": loss})
    assert weights["image"] == pytest.approx(1 / (2 * loss), rel=1e-4)
    assert weights["text"] == 1.0  # it was in no step


def test_a_loss_that_is_huge_for_once_does_not_throw_s_beyond_it():
    weighting = new_weighting(SETTINGS["uncertainty"], GROUPS, {})
    assert after(weighting, 1, {"image": 1e6})["image"] >= 1 / 2e6


def test_without_alpha_gradnorm_levels_the_gradients():
    settings = GradNormLossWeights(mode="gradnorm", alpha=0.0, learning_rate=0.01)
    sizes = {"audio": 0.5, "image": 1.0, "text": 2.0}
    weights = after(new_weighting(settings, GROUPS, {}), 2000, dict.fromkeys(GROUPS, 1.0), sizes)
    assert sum(weights.values()) == pytest.approx(3)
    pulls = [weights[group] * sizes[group] for group in GROUPS]
    assert max(pulls) == pytest.approx(min(pulls), abs=0.1)


def test_gradnorm_lets_the_group_that_learns_slowly_pull_harder():
    weighting = new_weighting(SETTINGS["gradnorm"], GROUPS, {})
    weighting.update(figures(dict.fromkeys(GROUPS, 2.0)))
    weights = after(weighting, 50, {"audio": 1.8, "image": 0.2, "text": 0.2})
    assert weights["audio"] > 1.2 > 0.9 > weights["image"]


def plain_mixture(losses, steps, rate):
    """Gradient descent of the sum of softmax(a) L, with nothing that keeps it from collapsing."""
    a = torch.zeros(len(losses), dtype=torch.float64, requires_grad=True)
    for _ in range(steps):
        (torch.softmax(a, 0) @ torch.tensor(losses, dtype=torch.float64)).backward()
        with torch.no_grad():
            a -= rate * a.grad
        a.grad = None
    return torch.softmax(a, 0).tolist()


def test_a_plain_mixture_collapses_onto_the_smallest_loss_and_ours_does_not():
    losses = {"audio": 3.0, "image": 1.0, "text": 0.1}
    assert plain_mixture(list(losses.values()), 3000, 0.1)[2] > 0.98
    weights = after(new_weighting(SETTINGS["mixture"], GROUPS, {}), 3000, losses)
    assert weights == pytest.approx(dict.fromkeys(GROUPS, 1.0), abs=1e-6)


def test_a_mixture_follows_which_loss_falls_and_its_entropy_stays_above_the_floor():
    settings = MixtureLossWeights(mode="mixture", learning_rate=0.5, entropy_floor=0.9, memory=0.999)
    weighting = new_weighting(settings, GROUPS, {})
    weighting.update(figures(dict.fromkeys(GROUPS, 1.0)))
    seen = [after(weighting, 20, {"audio": 1.0, "image": 1.0, "text": 0.05}) for _ in range(20)]
    assert seen[-1]["text"] > seen[-1]["audio"]
    for weights in seen:
        assert sum(weights.values()) == pytest.approx(3)
        assert entropy({group: weight / 3 for group, weight in weights.items()}) >= 0.9 * math.log(3) - 1e-9
    assert all(later["text"] >= earlier["text"] - 1e-9 for earlier, later in pairwise(seen[:3]))


def test_a_single_group_has_no_others_to_be_weighed_against():
    for mode in ("gradnorm", "mixture"):
        weighting = new_weighting(SETTINGS[mode], ("image",), {})
        assert after(weighting, 10, {"image": 2.0}) == pytest.approx({"image": 1.0})
