"""`--format onnx`: onnxruntime makes the model's soft tokens of raw media, and the LLM answers as before."""

import json
import shutil
from importlib.util import find_spec

import numpy as np
import pytest
import tiny_encoders
import tiny_macaw
from safetensors.torch import load_file

from macaw_cli.basics.errors import MismatchError, MissingDependencyError
from macaw_cli.config.bridges.q_former import QFormerBridgeSettings
from macaw_cli.config.injections.gated_cross_attention import GatedCrossAttentionSettings
from macaw_cli.config.loading import open_workspace
from macaw_cli.config.view_settings import AudioView, ImageView, ViewSettings
from macaw_cli.export.formats import onnx
from macaw_cli.export.onnx.folder import OnnxMedia
from macaw_cli.export.run import export_model
from macaw_cli.export.source import ExportSource
from macaw_cli.model.folder import load_model


def exported(root, name, model=None):
    return export_model(open_workspace(root, ["export=onnx", f"export.out={name}"]), model)


@pytest.fixture(scope="module")
def export(workspace_folder):
    return exported(workspace_folder, "graphs")


@pytest.fixture
def copy(workspace_folder, tmp_path):
    """A copy of the workspace, to which a test may add models."""
    return shutil.copytree(workspace_folder, tmp_path / "copy", ignore=shutil.ignore_patterns("graphs", "stock"))


def test_the_llm_answers_soft_tokens_of_onnxruntime_as_its_own(export):
    proof = export.proof
    assert proof.loader == "onnxruntime" and proof.modalities == ("image", "audio", "video")
    assert proof.largest_difference <= 1e-4
    assert proof.greedy_same == proof.greedy_tokens >= 20


def test_names_and_shapes_of_the_graphs_are_told(export):
    spec = json.loads((export.out / "macaw_onnx.json").read_text())
    image, audio = (spec["encoders"][role] for role in ("image", "audio"))
    assert image["inputs"] == {"inputs": ["media", 3, 32, 32]} and image["output"] == {"features": ["any", 16, 24]}
    assert audio["inputs"] == {"inputs": ["media", 80, 200]}
    bridge = spec["modalities"]["audio"]["bridge"]
    assert bridge["inputs"] == {"features": ["tokens", 32]} and bridge["output"] == {"soft_tokens": ["any", 32]}
    assert spec["modalities"]["video"]["between"] == {"frames": 3}
    assert spec["modalities"]["audio"]["between"]["trim"]["positions"] == 100
    assert spec["hidden_size"] == 32


def test_begin_and_end_tokens_lie_beside_the_graphs(export, workspace_folder):
    model, _ = load_model(workspace_folder / "runs/tiny")
    rows = load_file(export.out / "begin_end.safetensors")
    assert sorted(rows) == [f"{name}.{end}" for name in ("audio", "image", "video") for end in ("begin", "end")]
    assert sum(len(value) for value in rows.values()) == len(model.fusion.begin_end_embeddings.weight)


def test_audio_of_any_length_has_its_own_number_of_soft_tokens(export):
    media = OnnxMedia(export.out)
    tone = np.sin(np.arange(32_000) / 4).astype(np.float32)
    assert [len(media.soft_tokens("audio", tone[:samples])) for samples in (1600, 16_000, 32_000)] == [5, 50, 100]


@pytest.mark.slow
def test_views_windows_and_pooled_frames_are_exported(copy):
    views = ViewSettings(image=ImageView(pool=2), audio=AudioView(pool=4, stack=2, layer_norm=True))
    folder = tiny_macaw.make_model(copy, "wide", pool_frames=2, audio_windows=2, views=views)
    done = exported(copy, "wide", folder)
    spec = json.loads((done.out / "macaw_onnx.json").read_text())
    assert done.proof.modalities == ("image", "audio", "video") and done.proof.largest_difference <= 1e-4
    assert spec["modalities"]["video"]["between"]["pool_frames"] == 2
    assert spec["modalities"]["audio"]["between"]["audio_windows"] == 2


@pytest.mark.slow
def test_an_encoder_of_images_of_all_sizes_is_refused(copy):
    tiny_encoders.make("siglip2", copy / "models/siglip2")
    folder = tiny_macaw.make_model(copy, "sizes", modalities=("video",), image_encoder="siglip2")
    with pytest.raises(MismatchError, match="image encoder"):
        exported(copy, "sizes", folder)
    assert not (copy / "sizes").exists()


def test_what_no_graph_can_do_is_refused_before_anything_is_written(copy):
    gated = GatedCrossAttentionSettings(name="gated-cross-attention", every=1, heads=2, head_dim=8)
    asking = QFormerBridgeSettings(name="q-former", tokens=3, layers=1, instruction=True, heads=2, hidden=16)
    for settings, words in (({"injection": gated}, "gated-cross-attention"), ({"bridge": asking}, "question")):
        folder = tiny_macaw.make_model(copy, words, **settings)
        with pytest.raises(MismatchError, match=words):
            exported(copy, "refused", folder)
        assert not (copy / "refused").exists()


def test_a_missing_package_is_told_with_the_extra(copy, monkeypatch):
    monkeypatch.setattr(ExportSource, "load", lambda *_: pytest.fail("the model was loaded before the check"))
    monkeypatch.setattr(onnx, "find_spec", lambda name: None if name == "onnxruntime" else find_spec(name))
    with pytest.raises(MissingDependencyError, match=r"onnxruntime.*macaw-cli\[onnx\]"):
        exported(copy, "lacking")
    assert not (copy / "lacking").exists()


def test_graphs_that_compute_something_else_are_refused_and_removed(copy, monkeypatch):
    """The weights change between writing and the proof, as a wrong conversion would do."""
    written = onnx.OnnxExport.write

    def write_wrongly(self, source, folder):
        written(self, source, folder)
        source.model.fusion.bridges["audio"].projection.weight.data *= 1.01

    monkeypatch.setattr(onnx.OnnxExport, "write", write_wrongly)
    with pytest.raises(MismatchError, match="soft tokens of audio"):
        exported(copy, "wrong")
    assert not (copy / "wrong").exists()
