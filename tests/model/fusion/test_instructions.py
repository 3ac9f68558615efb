"""Which example a medium belongs to, what is asked there, and that bridges are told."""

import torch

from macaw_cli.model.bridges.linear import LinearBridge
from macaw_cli.model.fusion.instructions import example_of, instruction_ids


def test_places_belong_to_the_example_between_whose_borders_they_are():
    assert example_of([0, 4, 5, 9], [0, 5, 10]) == [0, 0, 1, 1]


def test_an_instruction_is_the_text_before_the_first_supervised_token():
    ids = torch.tensor([[3, 90, 4, 5, 6, 7, 8, 9]])
    labels = torch.tensor([[-100, -100, -100, 5, -100, -100, 8, 9]])
    assert [one.tolist() for one in instruction_ids(ids, labels, None, [0, 4, 8], 50)] == [[3, 4], [6, 7]]


def test_without_labels_all_text_counts_and_padding_does_not():
    ids, mask = torch.tensor([[0, 0, 3, 90, 4], [5, 6, 7, 8, 9]]), torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
    assert [one.tolist() for one in instruction_ids(ids, None, mask, [0, 5, 10], 50)] == [[3, 4], [5, 6, 7, 8, 9]]


def test_a_bridge_is_told_of_each_medium_the_example_and_its_instruction(tiny, monkeypatch):
    seen = []

    def forward(self, features, context):
        seen.append(context)
        return original(self, features, context)

    original = LinearBridge.forward
    monkeypatch.setattr(LinearBridge, "forward", forward)
    monkeypatch.setattr(LinearBridge, "needs", frozenset({"instruction"}))
    model = tiny.model("linear")
    first, second = ([*tiny.sequence(model.config, *pieces)] for pieces in ((1, "image", "image", 5), (2, 6, "image")))
    ids = torch.tensor([first + second])
    positions = torch.tensor([[*range(len(first)), *range(len(second))]])
    with torch.no_grad():
        model(input_ids=ids, position_ids=positions, image_features=tiny.features("image", 3))
    (context,) = seen
    assert list(context.examples) == [0, 0, 1]
    assert [one.tolist() for one in context.instructions] == [[1, 5], [1, 5], [2, 6]]
