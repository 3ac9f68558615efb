"""`--bridges` and `--injections` as designs with names."""

import pytest

from macaw_cli.basics.errors import UsageError
from macaw_cli.comparison.designs import designs_of


def labels(bridges, injections=()):
    return [design.label for design in designs_of(bridges, injections)]


def test_names_options_and_designs_per_modality_stand_in_one_list():
    found = designs_of(["macaw, mlp,{name: frame-stack, stride: 8}", "{image: mlp, audio: {name: linear}}"], [])
    assert [design.bridge for design in found] == [
        "macaw", "mlp", {"name": "frame-stack", "stride": 8}, {"image": "mlp", "audio": {"name": "linear"}}
    ]  # fmt: skip
    assert [design.label for design in found] == [
        "macaw", "mlp", "frame-stack stride=8", "image=mlp audio=linear"
    ]  # fmt: skip
    assert found[2].file_name == "frame-stack-stride-8"
    assert found[0].overrides() == {"bridge": "macaw"}


def test_every_bridge_is_combined_with_every_injection():
    assert labels(["mlp,linear"], ["none,gated-cross-attention"]) == [
        "mlp", "mlp + gated-cross-attention", "linear", "linear + gated-cross-attention"
    ]  # fmt: skip


def test_injections_alone_keep_the_bridge_of_the_workspace():
    found = designs_of([], ["none,gated-cross-attention"])
    assert [design.overrides() for design in found] == [{"injection": "none"}, {"injection": "gated-cross-attention"}]


@pytest.mark.parametrize("bridges", [[], ["mlp,mlp"], ["mlp,MLP"], ["3"], ["[mlp]"], ["{name: mlp"], ["mlp,,linear"]])
def test_what_is_no_list_of_different_designs_is_wrong_usage(bridges):
    with pytest.raises(UsageError):
        designs_of(bridges, [])


def test_experts_are_designs_of_their_own_and_the_others_then_read_no_texts():
    found = designs_of(["mlp"], [], ["transcript", "transcript+tags"])
    assert [design.label for design in found] == ["mlp", "transcript as text", "transcript+tags as text"]
    assert found[0].overrides() == {"bridge": "mlp", "expert_texts.names": []}
    assert found[2].overrides() == {"expert_texts.names": ["transcript", "tags"], "expert_texts.media": "replace"}
    assert found[2].file_name == "transcript-tags-as-text"
    assert [design.label for design in designs_of([], [], ["tags"])] == ["tags as text"]


@pytest.mark.parametrize("experts", ["transcipt", "tags+tags", "tags,tags", "{name: tags}", "tags+"])
def test_what_is_no_list_of_experts_is_wrong_usage(experts):
    with pytest.raises(UsageError):
        designs_of(["mlp"], [], [experts])
