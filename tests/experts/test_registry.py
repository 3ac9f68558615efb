"""Every expert of the table: its settings, its module, what it says of nothing."""

from dataclasses import MISSING, fields

import pytest
import tiny_experts

from macaw_cli.config.experts.table import TABLE
from macaw_cli.config.loading import parse_settings
from macaw_cli.experts.expert import Expert, Medium, Surroundings
from macaw_cli.experts.loading import described, load_expert
from macaw_cli.experts.nearest_caption import Captioned
from macaw_cli.modalities.table import MODALITIES

ROWS = {
    "transcript": ("audio", "red.wav", "whisper", "Transcript: (no speech)"),
    "tags": ("image", "red.png", "clip", "Tags: (none)"),
    "numbers": ("series", "walk.csv", "", "(empty)"),
    "nearest-caption": ("image", "red.png", "", "A similar one: (no caption)"),
}
"""Name to a medium, its model, and what is said where nothing is found."""


def test_every_expert_has_a_row_here():
    assert set(ROWS) == set(TABLE)


@pytest.mark.parametrize("name", ROWS)
def test_an_expert_is_chosen_by_its_name_and_describes_a_medium(name, expert_workspace):
    import numpy as np

    modality, file, model, nothing = ROWS[name]
    (settings,) = parse_settings({"dataset": {"experts": name}}, "test").dataset.experts
    assert all(field.default is not MISSING for field in fields(settings))
    one_vector = Captioned({"1": 0, "2": 1}, np.ones((2, 1), np.float32), np.arange(2), ["", "near"],
                           np.array([False, True]))  # fmt: skip
    surroundings = Surroundings(
        str(expert_workspace / "models" / model) if model else "", "cpu", 3, tiny_experts.LABELS, lambda _: one_vector
    )
    expert = load_expert(settings, surroundings)
    assert isinstance(expert, Expert) and expert.said("", modality) == nothing
    text = expert.text(Medium(modality, "1", lambda: expert_workspace / "media" / file))
    assert text and expert.said(text, modality).endswith(text)
    row = described(expert, "models/x")
    assert (row["name"], row["modalities"]) == (name, list(TABLE[name].modalities))
    assert set(TABLE[name].modalities) <= set(MODALITIES)
