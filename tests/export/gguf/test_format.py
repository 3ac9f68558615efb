"""`macaw export --format gguf`: what is written, proved, left out and refused."""

import json
import shutil
from dataclasses import replace

import pytest
import tiny_macaw
import torch
from gguf import GGUFReader
from llama_cpp_child import needs_llama_cpp
from transformers import (
    LlamaConfig,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
    SiglipVisionModel,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from macaw_cli.basics.errors import MismatchError, MissingDependencyError
from macaw_cli.config.bridges.designs import design
from macaw_cli.config.exports.gguf import GgufExportSettings
from macaw_cli.config.injections.gated_cross_attention import GatedCrossAttentionSettings
from macaw_cli.config.loading import open_workspace
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.export.formats import gguf as gguf_format
from macaw_cli.export.formats.gguf import GgufExport
from macaw_cli.export.gguf import language_model, proving, transformers_answers
from macaw_cli.export.gguf.projectors.mlp import MlpProjector
from macaw_cli.export.run import export_model
from macaw_cli.export.source import ExportSource
from macaw_cli.model.configuration import MacawConfig

STACKED = design("frame-stack", norm=False, stride=4)
GATED = design("ultravox", norm=False, stride=5, norm_position="middle")


@pytest.fixture(scope="module")
def root(workspace_folder, tmp_path_factory):
    """The tiny workspace with encoders of the sizes that llama.cpp takes."""
    folder = shutil.copytree(workspace_folder, tmp_path_factory.mktemp("gguf") / "workspace")
    torch.manual_seed(1)
    sizes = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    whisper = WhisperConfig(
        d_model=32, encoder_layers=2, decoder_layers=1, vocab_size=60, num_mel_bins=80, suppress_tokens=[],
        begin_suppress_tokens=[3], **heads, **tokens,
    )  # fmt: skip
    models = folder / "models"
    with quiet_transformers():
        SiglipVisionModel(SiglipVisionConfig(**sizes, image_size=32, patch_size=8)).save_pretrained(models / "siglip")
        SiglipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(models / "siglip")
        WhisperForConditionalGeneration(whisper).save_pretrained(models / "long")
        WhisperFeatureExtractor(feature_size=80).save_pretrained(models / "long")
        tokenizer = tiny_macaw.byte_tokenizer()
        tiny_macaw.tiny_llm(tokenizer, longest=4096).save_pretrained(models / "llm")
    return folder


def model(root, name, **options):
    encoders = {"image_encoder": "siglip", "audio_encoder": "long", "drop_padding": False}
    return tiny_macaw.make_model(root, name, **encoders, **options)


def exported(root, folder, name, *options):
    settings = [f"export.{option}" for option in ("format=gguf", f"out={name}", *options)]
    return export_model(open_workspace(root, settings), folder)


def keys_of(path):
    return {name: field.contents() for name, field in GGUFReader(path).fields.items()}


@pytest.fixture(scope="module")
def images(root):
    """An export of a model with SigLIP and LLaVA's projector."""
    return exported(root, model(root, "images", modalities=("image",), bridge=design("mlp")), "seen")


@pytest.fixture
def here(monkeypatch):
    """What the fresh process of transformers does, in this one: it takes seconds to begin.

    llama.cpp keeps its own: beside the libraries that other tests have loaded, it ends the process.
    """
    fresh = proving.run_fresh

    def run(module, folder, scratch, arguments=()):
        if module == transformers_answers.__name__:
            transformers_answers.answer(str(folder), str(scratch), *arguments)
        else:
            fresh(module, folder, scratch, arguments)

    monkeypatch.setattr(proving, "run_fresh", run)


def test_the_folder_holds_llm_projector_modelfile_and_card(images):
    names = {file.name for file in images.out.iterdir()}
    assert names == {
        "README.md", "Modelfile", "export_report.json", "model-f16.gguf", "mmproj-f16.gguf",
    }  # fmt: skip
    keys = keys_of(images.out / "model-f16.gguf")
    assert keys["general.architecture"] == "llama" and keys["tokenizer.ggml.tokens"][-2:] == ["<image>", "</image>"]
    assert keys_of(images.out / "mmproj-f16.gguf")["clip.projector_type"] == "mlp"
    report = json.loads((images.out / "export_report.json").read_text())
    assert report["projector"] == "mmproj-f16.gguf" and report["modality"] == "image"


def test_transformers_reads_the_answers_of_the_source(images):
    proof = images.proof
    assert proof.modalities == ("image",) and proof.examples == 2
    assert proof.largest_difference <= 1e-2
    assert proof.greedy_tokens == proof.greedy_same >= 24


@needs_llama_cpp
@pytest.mark.parametrize(
    ("modality", "bridge", "template"),
    [
        ("image", design("mlp"), "alpaca"),
        ("image", design("mlp"), "plain"),
        ("audio", STACKED, "alpaca"),
        ("audio", design("mlp"), "alpaca"),
        ("audio", GATED, "alpaca"),
    ],
    ids=["mlp", "mlp, plain", "frame-stack", "mlp on audio", "ultravox"],
)
def test_llama_cpp_gives_the_sources_soft_tokens_prompts_and_answers(here, root, modality, bridge, template):
    name = f"{modality}-{bridge.name}-{template}"
    folder = model(root, name, modalities=(modality,), bridge=bridge, template=template)
    found = exported(root, folder, f"export-{name}", "weights=f32").proof.llama_cpp
    assert found.cosine_distance <= 1e-2
    assert found.largest_difference <= 1e-4
    assert found.prompts == found.same_prompts == found.answers == found.same_answers == 2


@needs_llama_cpp
@pytest.mark.parametrize("weights", ["f16", "q8_0"])
def test_the_proof_of_a_shorter_number_format_says_how_close_it_comes(here, root, images, weights):
    folder = root / "runs/images/model"
    proof = images.proof if weights == "f16" else exported(root, folder, "short", "weights=q8_0").proof
    assert proof.holds and proof.llama_cpp.cosine_distance <= 1e-2
    assert 1e-6 < proof.largest_difference <= proof.limit


def test_what_is_left_out_is_said(here, root):
    folder = tiny_macaw.make_model(root, "three", bridge="macaw")
    report = exported(root, folder, "llm-alone")
    assert len(report.notes) == 3
    assert "llama.cpp has no bridge macaw" in report.notes[0] and "no video" in report.notes[2]
    assert not (report.out / "mmproj-f16.gguf").exists()


def test_an_answer_right_behind_a_medium_is_nothing_for_llama_cpp(here, root):
    folder = model(root, "captions", modalities=("audio",), bridge=STACKED, template="plain")
    report = exported(root, folder, "captions")
    assert not (report.out / "mmproj-f16.gguf").exists() and "plain" in report.notes[0]
    with pytest.raises(MismatchError, match="plain"):
        exported(root, folder, "no-captions", "media=needed")


def test_media_can_be_left_out_or_needed(here, root, images):
    folder = root / "runs/images/model"
    report = exported(root, folder, "never", "media=never")
    assert not (report.out / "mmproj-f16.gguf").exists() and "never" in report.notes[0]
    with pytest.raises(MismatchError, match="no bridge macaw"):
        exported(root, tiny_macaw.make_model(root, "needed", bridge="macaw"), "refused", "media=needed")
    assert not (root / "refused").exists()


def test_a_file_with_other_weights_is_no_export(here, root, images, monkeypatch):
    monkeypatch.setattr(language_model, "interleaved", lambda weight, heads: weight)
    with pytest.raises(MismatchError, match="differs"):
        exported(root, root / "runs/images/model", "wrong")
    assert not (root / "wrong").exists()


@needs_llama_cpp
def test_a_projector_with_other_weights_is_no_export(here, root, images, monkeypatch):
    right = MlpProjector.tensors

    def moved(self):
        for stored in right(self):
            is_bias = stored.name == "mm.0.bias"
            yield replace(stored, make=lambda stored=stored: stored.make() + 0.5) if is_bias else stored

    monkeypatch.setattr(MlpProjector, "tensors", moved)
    with pytest.raises(MismatchError, match="soft tokens"):
        exported(root, root / "runs/images/model", "damaged", "weights=f32")


def test_without_llama_cpp_the_proof_is_transformers_alone(here, root, images, monkeypatch):
    monkeypatch.setattr(proving, "installed", lambda: "")
    proof = exported(root, root / "runs/images/model", "alone").proof
    assert proof.holds and proof.llama_cpp is None and "pip install xllamacpp" in str(proof)


def test_an_absent_package_is_named(root, images, monkeypatch):
    monkeypatch.setattr(gguf_format, "find_spec", lambda name: None)
    monkeypatch.setattr(ExportSource, "load", lambda *_: pytest.fail("the model was loaded before the check"))
    with pytest.raises(MissingDependencyError, match=r"macaw-cli\[gguf\]"):
        exported(root, root / "runs/images/model", "absent")


def config(modality="image", bridge=None, **options):
    shapes = {"image": (16, 8), "audio": (20, 8), "video": (2, 16, 8)}
    llm = options.pop("llm", LlamaConfig(vocab_size=40, hidden_size=16, num_attention_heads=2))
    return MacawConfig.for_llm(llm, bridge or design("mlp"), {modality: shapes[modality]}, **options)


def test_before_a_training_is_said_what_would_be_left_out():
    kind = GgufExport(GgufExportSettings())
    assert kind.obstacles(config()) == []
    assert "SiglipVisionModel" in kind.losses(config())["image"][0]
    assert kind.losses(config("video")) == {"video": ["llama.cpp has no video"]}
    injected = config(injection=GatedCrossAttentionSettings(every=1))
    assert "injection" in kind.losses(injected)["image"][0]
    dropped = {"audio": {"architecture": "WhisperEncoder", "audio_padding": "drop"}}
    told = kind.losses(config("audio", STACKED, fingerprints=dropped))["audio"]
    assert any("audio_padding must be keep" in reason for reason in told)


def test_null_features_and_unknown_llms_are_refused():
    kind = GgufExport(GgufExportSettings())
    assert "media of zeros" in kind.obstacles(config(null_features=True))[0]
    stretched = LlamaConfig(rope_parameters={"rope_type": "dynamic", "factor": 2.0})
    assert "rope type" in kind.obstacles(config(llm=stretched))[0]

