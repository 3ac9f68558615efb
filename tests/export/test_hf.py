"""An export is the same model as its source, holds everything, and is not there at all when it is not."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import tiny_encoders
import tiny_macaw
from transformers import OPTConfig, OPTForCausalLM

from macaw_cli.basics.errors import InputError, LockedError, MismatchError
from macaw_cli.basics.fingerprints import sha256_file
from macaw_cli.basics.working_files import working_folder, working_name
from macaw_cli.config.injections.gated_cross_attention import GatedCrossAttentionSettings
from macaw_cli.config.loading import open_workspace, parse_settings
from macaw_cli.config.view_settings import AudioView, ImageView, ViewSettings
from macaw_cli.export.formats import hf
from macaw_cli.export.proving.answers import Answer
from macaw_cli.export.proving.examples import ProofExample
from macaw_cli.export.proving.proof import compare
from macaw_cli.export.run import export_model


def exported(root, name, model=None):
    return export_model(open_workspace(root, [f"export.out={name}"]), model)


@pytest.fixture(scope="module")
def export(workspace_folder):
    """One export of a model with all three modalities."""
    return exported(workspace_folder, "first")


@pytest.fixture
def copy(workspace_folder, tmp_path):
    """A copy of the workspace, without exports, that a test may damage."""
    return shutil.copytree(workspace_folder, tmp_path / "copy", ignore=shutil.ignore_patterns("first", "again"))


def test_a_fresh_process_gives_the_sources_logits_from_raw_media(export):
    assert export.proof.modalities == ("image", "audio", "video")
    assert export.proof.largest_difference <= 1e-5
    assert export.proof.examples == 1 + 3 + 1, "all media, each alone, and text"
    assert export.proof.same_likeliest == 1.0
    assert export.proof.positions > 16 + 100 + 48


def test_an_injection_is_exported_with_its_model(copy):
    gated = GatedCrossAttentionSettings(name="gated-cross-attention", every=1, heads=2, head_dim=8)
    proof = exported(copy, "gated", tiny_macaw.make_model(copy, "gated", injection=gated)).proof
    assert proof.modalities == ("image", "audio", "video") and proof.largest_difference <= 1e-5


def test_an_llm_whose_embeddings_are_narrower_than_its_layers_is_exported(copy):
    tokenizer, folder = tiny_macaw.byte_tokenizer(), copy / "models/llm"
    shutil.rmtree(folder)
    config = OPTConfig(
        vocab_size=len(tokenizer), hidden_size=32, ffn_dim=48, num_hidden_layers=1, num_attention_heads=2,
        word_embed_proj_dim=16, max_position_embeddings=512, do_layer_norm_before=False,
        bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    OPTForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    proof = exported(copy, "narrow", tiny_macaw.make_model(copy, "narrow")).proof
    assert proof.modalities == ("image", "audio", "video") and proof.largest_difference <= 1e-5


def test_the_folder_holds_encoders_tokenizer_processors_and_card(export):
    names = {file.name for file in export.out.iterdir()}
    assert names == {
        "README.md", "config.json", "generation_config.json", "export_report.json", "model.safetensors",
        "processor_config.json", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    config = json.loads((export.out / "config.json").read_text())
    assert (config["encoders"]["image"]["model"], config["encoders"]["audio"]["model"]) == ("clip", "whisper")
    assert config["image_encoder_config"]["model_type"] == "clip_vision_model"
    assert config["audio_encoder_config"]["model_type"] == "whisper"
    processor = json.loads((export.out / "processor_config.json").read_text())
    assert {"image_processor", "feature_extractor"} <= set(processor)


def test_the_report_has_the_hash_of_every_other_file_and_no_path(export):
    text = (export.out / "export_report.json").read_text()
    report = json.loads(text)
    assert str(export.out.parent) not in text + (export.out / "config.json").read_text()
    assert report["proof"]["limit"] == 1e-5 and report["format"] == "hf"
    assert report["proof"]["greedy_same"] == report["proof"]["greedy_tokens"] > 0
    assert report["files"] == {
        file.name: sha256_file(file) for file in export.out.iterdir() if file.name != "export_report.json"
    }


def test_the_snippet_of_the_model_card_runs_in_a_copy_of_the_folder_alone(export, tmp_path):
    alone = shutil.copytree(export.out, tmp_path / "elsewhere")
    snippet = re.search(r"```python\n(.*?)```", (alone / "README.md").read_text(), re.DOTALL)[1]
    command = [sys.executable, "-c", snippet]
    done = subprocess.run(command, cwd=alone, capture_output=True, text=True, check=False,
                          env={**os.environ, "HF_HUB_OFFLINE": "1"})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"[a-z]+\n", done.stdout)


@pytest.mark.parametrize("modality", ["audio", "video"])
def test_the_other_snippets_run_as_well(export, modality, monkeypatch, capsys):
    from macaw_cli.export.model_card import usage_snippet

    monkeypatch.chdir(export.out)
    exec(usage_snippet((modality,)), {})
    assert re.fullmatch(r"[a-z]+\n", capsys.readouterr().out)


def test_encoders_of_any_architecture_are_inside_with_windows_and_pooled_frames(copy):
    tiny_encoders.make("siglip2", copy / "models/siglip2")
    tiny_encoders.make("wav2vec2_bert", copy / "models/bert")
    how = {"image_encoder": "siglip2", "audio_encoder": "bert", "pool_frames": 2, "audio_windows": 2}
    folder = tiny_macaw.make_model(copy, "wide", **how)
    done = exported(copy, "wide", folder)
    assert done.proof.holds and done.proof.modalities == ("image", "audio", "video")
    config = json.loads((done.out / "config.json").read_text())
    kinds = [config[f"{role}_encoder_config"]["model_type"] for role in ("image", "audio")]
    assert kinds == ["siglip2_vision_model", "wav2vec2-bert"]


@pytest.mark.parametrize("drop_padding", [False, True])
def test_an_exported_model_sees_raw_media_through_its_views(copy, drop_padding):
    """The proof compares features that the source's encoders make with what the folder makes of raw media."""
    views = ViewSettings(
        image=ImageView(pool=3), video=ImageView(stack=4),
        audio=AudioView(trim=not drop_padding, pool=4, stack=2, layer_norm=True),
    )  # fmt: skip
    folder = tiny_macaw.make_model(copy, "viewed", drop_padding=drop_padding, views=views, audio_windows=2)
    done = exported(copy, "viewed", folder)
    assert done.proof.holds and done.proof.modalities == ("image", "audio", "video")
    config = json.loads((done.out / "config.json").read_text())
    assert config["views"]["audio"] == {"trim": not drop_padding, "pool": 4, "layer_norm": True, "stack": 2}
    assert config["feature_shapes"] == {"image": [6, 24], "audio": [13, 64], "video": [3, 4, 96]}


def test_an_existing_target_is_never_overwritten(copy):
    (copy / "taken").mkdir()
    (copy / "taken" / "notes.txt").touch()
    with pytest.raises(InputError, match="--out"):
        exported(copy, "taken")


def test_a_format_that_does_not_take_the_model_is_told_before_a_target_that_is_taken(copy):
    (copy / "taken").mkdir()
    (copy / "taken" / "notes.txt").touch()
    with pytest.raises(MismatchError, match="idefics3"):
        export_model(open_workspace(copy, ["export.format=idefics3", "export.out=taken"]), None)
    (copy / "taken-2").mkdir()
    with pytest.raises(InputError, match="taken-3"):
        exported(copy, "taken")


def test_a_folder_without_a_name_is_called_after_its_format():
    assert [export_settings(form).folder for form in ("hf", "llava")] == ["exported", "exported-llava"]
    assert replace(export_settings("llava"), out="mine").folder == "mine"


def export_settings(form):
    return parse_settings({"export": {"format": form}}, "a test").export


def test_a_reload_that_gives_other_logits_is_refused_and_removed(copy, monkeypatch):
    """The weights are damaged between writing and reloading, as a wrong conversion would do."""
    from safetensors.torch import load_file, save_file

    def save_wrongly(model, processor, folder):
        save_model(model, processor, folder)
        content = load_file(folder / "model.safetensors")
        content["fusion.bridges.image.projection.weight"] *= 1.01
        save_file(content, folder / "model.safetensors", metadata={"format": "pt"})

    save_model = hf.save_model
    monkeypatch.setattr(hf, "save_model", save_wrongly)
    before = sorted(copy.iterdir())
    with pytest.raises(MismatchError, match="difference"):
        exported(copy, "wrong")
    assert sorted(copy.iterdir()) == before


def test_a_folder_that_does_not_load_is_refused_and_removed(copy, monkeypatch):
    def save_half(model, processor, folder):
        save_model(model, processor, folder)
        (folder / "tokenizer.json").unlink()

    save_model = hf.save_model
    monkeypatch.setattr(hf, "save_model", save_half)
    with pytest.raises(MismatchError, match="process"):
        exported(copy, "half")
    assert not (copy / "half").exists()


def test_a_missing_encoder_is_told_and_leaves_nothing(copy):
    shutil.rmtree(copy / "models/whisper")
    before = sorted(copy.iterdir())
    with pytest.raises(InputError, match="encoder"):
        exported(copy, "deaf")
    assert sorted(copy.iterdir()) == before


def test_an_export_can_be_exported_again_over_what_a_killed_one_left(export, workspace_folder):
    left_over = workspace_folder / working_name("again").replace(f"-{os.getpid()}-", "-999999999-")
    (left_over / "model").mkdir(parents=True)
    (left_over / "junk.bin").write_text("junk")
    again = exported(workspace_folder, "again", export.out)
    assert not left_over.exists()
    assert {file.name for file in again.out.iterdir()} == {file.name for file in export.out.iterdir()}
    assert sha256_file(again.out / "model.safetensors") == sha256_file(export.out / "model.safetensors")


def test_a_second_export_to_the_same_place_is_refused_while_the_first_one_writes(copy):
    working_folder(copy / "busy")
    with pytest.raises(LockedError, match="is being written by"):
        exported(copy, "busy")


def test_a_planted_link_beside_the_export_is_left_alone(copy, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    (copy / ".linked.exporting").symlink_to(tmp_path / "mine")
    shutil.rmtree(copy / "models/whisper")
    with pytest.raises(InputError):
        exported(copy, "linked")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "mine"


def test_an_export_into_its_own_model_is_refused(copy):
    model = tiny_macaw.make_model(copy, "own")
    with pytest.raises(InputError, match="lies inside the source"):
        exported(copy, "runs/own/model/exported", model)


def proof_of(found, expected=None):
    """The proof of one answer to one example."""
    import numpy as np

    ours = expected or Answer(np.eye(3, 5, dtype=np.float32), np.arange(4))
    return compare([ours], [found(ours)] if callable(found) else found, [ProofExample(())], 1e-4, "nobody")


def test_logits_of_another_shape_or_no_number_are_no_proof():
    import numpy as np

    assert proof_of(lambda ours: ours).holds
    assert proof_of(lambda ours: ours._replace(logits=np.pad(ours.logits, ((0, 0), (0, 2))))).holds, "further tokens"
    assert not proof_of(lambda ours: ours._replace(logits=ours.logits[:2])).holds
    assert not proof_of(lambda ours: ours._replace(logits=ours.logits[:, :4])).holds
    assert not proof_of(lambda ours: ours._replace(logits=np.full_like(ours.logits, np.nan))).holds
    assert not proof_of([]).holds


def test_other_greedy_tokens_are_no_proof_however_close_the_logits():
    import numpy as np

    others = {2: [0, 1, 9, 3], 3: [0, 1, 2], 0: [5, 1, 2, 3]}
    for same, tokens in others.items():
        proof = proof_of(lambda ours, tokens=tokens: ours._replace(greedy=np.array(tokens)))
        assert (proof.largest_difference, proof.greedy_same, proof.holds) == (0.0, same, False)
    assert not proof_of(lambda ours: ours._replace(greedy=np.arange(5))).holds, "one answer goes on"
