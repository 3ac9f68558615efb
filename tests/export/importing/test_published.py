"""Import of published weights; a tiny checkpoint under the published names is made on the spot."""

import json
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.export.companions import Companions
from macaw_cli.export.importing.published.names import published_name, renamed, summarised
from macaw_cli.export.importing.published.run import import_published, load_published
from macaw_cli.model.bridges.macaw import sinusoid
from macaw_cli.model.folder import load_model, save_model
from macaw_cli.model.modeling import MacawForConditionalGeneration

C, D, ROWS, HEADS = 8, 24, 41, 2
CONV = {"image": [5, 4], "audio": [7, 3], "video": [6, 5]}
TOKENS = {"image": 21, "audio": 30, "video": 9}
FRAMES = 3
CONFIG = {
    "n_frames": FRAMES, "attention_heads": HEADS, "align_heads": 2 * HEADS, "conv": CONV, "hidden_size": D,
    "vocab_size": ROWS, "llama": {"num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20},
    "feature_tokens": TOKENS, "note": "made for a test",
}  # fmt: skip


class Published(nn.Module):
    """The published model from stored features on, in torch's and transformers' own modules."""

    def __init__(self):
        super().__init__()
        self.llm = LlamaForCausalLM(LlamaConfig(vocab_size=ROWS, hidden_size=D, rms_norm_eps=1e-6, **CONFIG["llama"]))
        self.video_long_self_attention = self.attention(C, HEADS)
        self.layer_norm, self.logit_scale = nn.LayerNorm(D), nn.Parameter(torch.ones(()))
        for name, (kernel, stride) in CONV.items():
            setattr(self, f"project_{name}", nn.Conv1d(C, C, kernel, stride))
            setattr(self, f"transform_{name}_to_hidden", nn.Linear(C, D))
            setattr(self, f"{name}_align_attention", self.attention(D, 2 * HEADS))

    @staticmethod
    def attention(width, heads):
        return nn.MultiheadAttention(width, heads, add_bias_kv=True, add_zero_attn=True, batch_first=True)

    def block(self, name, features):
        matrix = self.llm.model.embed_tokens.weight[None]
        if name == "video":
            features = features.flatten(1, 2) + sinusoid(FRAMES * TOKENS["video"], C)
            features = self.video_long_self_attention(features, features, features)[0]
        windows = getattr(self, f"project_{name}")(features.transpose(1, 2)).transpose(1, 2)
        queries = getattr(self, f"transform_{name}_to_hidden")(windows)
        keys = matrix.expand(len(queries), -1, -1)
        return getattr(self, f"{name}_align_attention")(queries, keys, keys)[0]

    def forward(self, input_ids, labels, **features):
        text = self.llm.model.embed_tokens(input_ids)
        parts = [text[:, :1]]
        for place, name in enumerate(("image", "audio", "video")):
            tags = self.llm.model.embed_tokens.weight[ROWS - 7 + 2 * place : ROWS - 5 + 2 * place]
            opening, closing = tags[None].expand(len(text), -1, -1).split(1, dim=1)
            parts += [opening, self.block(name, features[f"{name}_features"]), closing]
        embeds = torch.cat([*parts, text[:, 1:]], dim=1)
        labels = nn.functional.pad(labels, (embeds.shape[1] - labels.shape[1], 0), value=-100)
        return self.llm(inputs_embeds=embeds, labels=labels)


@pytest.fixture(scope="module")
def published():
    torch.manual_seed(0)
    model = Published().eval()
    for name, parameter in model.named_parameters():
        if "attention" in name or "bias" in name:
            nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture
def weights(published):
    return {name: tensor.clone() for name, tensor in published.state_dict().items()}


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(1)
    return {
        "input_ids": torch.randint(1, 30, (2, 6), generator=generator),
        "labels": torch.tensor([[-100, -100, 4, 5, 6, 7], [-100, -100, -100, 8, 9, -100]]),
        "image_features": torch.randn(2, TOKENS["image"], C, generator=generator),
        "audio_features": torch.randn(2, TOKENS["audio"], C, generator=generator),
        "video_features": torch.randn(2, FRAMES, TOKENS["video"], C, generator=generator),
    }


def write(form, weights, folder):
    """The checkpoint in one of the accepted forms; returns what the user names."""
    config = json.dumps(CONFIG)
    if form == "golden":
        file = folder / "golden.safetensors"
        vectors = {"in.input_ids": torch.zeros(1), "out.loss": torch.zeros(1)}
        save_file({**{f"param.{name}": one for name, one in weights.items()}, **vectors}, file, {"config": config})
        return file
    (folder / "config-of-it.json").write_text(config)
    if form == "safetensors":
        save_file(weights, folder / "model.safetensors")
        return folder / "model.safetensors"
    if form in ("bin", "folder"):
        torch.save(weights, folder / "pytorch_model.bin")
        return folder if form == "folder" else folder / "pytorch_model.bin"
    names = sorted(weights)
    parts = {f"pytorch_model-0000{at + 1}-of-00002.bin": names[at::2] for at in range(2)}
    for file, part in parts.items():
        torch.save({name: weights[name] for name in part}, folder / file)
    index = folder / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": {name: file for file, part in parts.items() for name in part}}))
    return folder if form == "indexed folder" else index


@pytest.mark.parametrize("form", ["golden", "safetensors", "bin", "folder", "index", "indexed folder"])
def test_every_form_gives_the_published_logits_from_the_written_folder(form, weights, published, inputs, tmp_path):
    (tmp_path / "given").mkdir()
    file = write(form, weights, tmp_path / "given")
    config = None if form == "golden" else tmp_path / "given" / "config-of-it.json"
    report = import_published(file, config, tmp_path / "out")
    model = MacawForConditionalGeneration.from_pretrained(report.folder).eval()
    with torch.no_grad():
        found, expected = model(**inputs), published(**inputs)
    assert torch.allclose(found.logits, expected.logits, rtol=1e-5, atol=1e-6)
    assert torch.allclose(found.loss, expected.loss, rtol=1e-5)
    assert report.missing == ()
    assert report.ignored == ("layer_norm.bias", "layer_norm.weight", "logit_scale")


def test_sizes_that_the_weights_show_need_no_configuration(weights, tmp_path):
    config = {"attention_heads": HEADS, "conv": CONV, "llama": {"num_attention_heads": 3}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(weights, tmp_path / "w.safetensors")
    model, _ = load_published(tmp_path / "w.safetensors", tmp_path / "config.json")
    assert model.config.text_config.num_hidden_layers == 2
    assert model.config.text_config.intermediate_size == 20
    assert model.config.begin_end_ids == {"image": [34, 35], "audio": [36, 37], "video": [38, 39]}
    assert model.fusion.begin_end_embeddings is None


def test_the_published_files_missing_video_attention_is_initialised_and_told(weights, inputs, tmp_path):
    kept = {name: one for name, one in weights.items() if not name.startswith("video_long")}
    model, report = load_published(write("golden", kept, tmp_path))
    assert len(report.missing) == 6
    assert all(name.startswith("video_long_self_attention.") for name in report.missing)
    lines = "\n".join(report.lines())
    assert "video_long_self_attention.* (6)" in lines
    assert "Video needs training" in lines
    attention = model.fusion.bridges["video"].self_attention
    assert attention.in_proj_weight.std() > 0.05
    assert not attention.in_proj_bias.any()
    assert model(**inputs).loss.isfinite()


def test_half_precision_weights_stay_so(weights, tmp_path):
    model, _ = load_published(write("golden", {name: one.half() for name, one in weights.items()}, tmp_path))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float16}


def test_encoder_weights_in_the_file_are_ignored_and_told(weights, tmp_path):
    extra = {"image_encoder.projection.weight": torch.zeros(2, 2), "temporal_self_attention.bias": torch.zeros(2)}
    _, report = load_published(write("golden", {**weights, **extra}, tmp_path))
    assert "image_encoder.*, layer_norm.* (2), logit_scale, temporal_self_attention.*" in report.lines()[-1]
    assert set(extra) <= set(report.ignored)


def test_a_checkpoint_without_one_of_its_parts_is_refused(weights, tmp_path):
    del weights["image_align_attention.bias_k"]
    with pytest.raises(InputError, match=r"1.*image_align_attention"):
        load_published(write("golden", weights, tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": 32}, "`hidden_size` in .* is 32, but the checkpoint has .*: 24"),
        ({"vocab_size": 50}, "`vocab_size` in .* is 50"),
        ({"conv": {"image": [9, 4]}}, "the image kernel under `conv` in .* is 9, but .* 5"),
        ({"llama": {"num_attention_heads": 3, "intermediate_size": 44}}, r"weight is \(20, 24\), expected \(44, 24\)"),
        ({"llama": {"num_attention_heads": 3, "num_hidden_layers": 1}}, "the configured model has no llm"),
    ],
)
def test_a_configuration_that_contradicts_the_weights_is_told(change, message, weights, tmp_path):
    file = write("safetensors", weights, tmp_path)
    (tmp_path / "wrong.json").write_text(json.dumps({**CONFIG, **change}))
    with pytest.raises(MismatchError, match=message):
        load_published(file, tmp_path / "wrong.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [('{"heads": 2}', "unknown keys: heads"), ("[1]", "must hold a JSON object, found list"), ("{", "not valid JSON")],
)
def test_an_unusable_configuration_is_told(content, message, weights, tmp_path):
    file = write("safetensors", weights, tmp_path)
    (tmp_path / "wrong.json").write_text(content)
    with pytest.raises(InputError, match=message):
        load_published(file, tmp_path / "wrong.json")


def test_unrelated_weights_are_told(tmp_path):
    save_file({"encoder.layer.0.weight": torch.zeros(2)}, tmp_path / "bert.safetensors")
    with pytest.raises(InputError, match="Macaw-LLM"):
        load_published(tmp_path / "bert.safetensors")


def test_an_llm_alone_is_told(weights, tmp_path):
    save_file({name: one for name, one in weights.items() if name.startswith("llm.")}, tmp_path / "llm.safetensors")
    with pytest.raises(InputError, match=r"project_image\.weight.*Macaw-LLM"):
        load_published(tmp_path / "llm.safetensors")


class Evil:
    def __reduce__(self):
        return (print, ("this code ran",))


def test_a_file_that_carries_code_is_refused_and_the_code_does_not_run(tmp_path, capfd):
    torch.save({"llm.weight": Evil()}, tmp_path / "pytorch_model.bin")
    (tmp_path / "plain.bin").write_bytes(pickle.dumps(Evil()))
    for name in ("pytorch_model.bin", "plain.bin"):
        with pytest.raises(InputError, match="would run code"):
            load_published(tmp_path / name)
    assert "this code ran" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cut.safetensors", b"\x10\x00\x00", "safetensors"),
        ("cut.bin", b"PK\x03\x04 and nothing", "torch|code"),
        ("x.bin.index.json", b"{}", "not an index of weight files"),
        ("y.bin.index.json", b'{"weight_map": {"a": "gone.bin"}}', "names gone.bin, which"),
    ],
)
def test_damaged_files_are_told(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_published(tmp_path / name)


def test_a_file_of_something_else_than_tensors_is_told(tmp_path):
    torch.save([1, 2], tmp_path / "list.bin")
    with pytest.raises(InputError, match="no dictionary of tensors"):
        load_published(tmp_path / "list.bin")


def test_a_missing_path_and_an_empty_folder_are_told(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.bin"):
        load_published(tmp_path / "nowhere.bin")
    with pytest.raises(InputError, match="holds no weights"):
        load_published(tmp_path)


def test_a_folder_of_other_things_is_not_overwritten(weights, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    with pytest.raises(InputError, match=r"cat\.jpg"):
        import_published(write("golden", weights, tmp_path), None, tmp_path / "photos")


def test_names_go_there_and_back(weights):
    found = renamed(weights)
    assert found.unknown == []
    assert sorted(map(published_name, found.weights)) == sorted(set(weights) - set(found.unused))
    assert summarised(["a.b", "a.c", "d"]) == "a.* (2), d"


def test_tokenizer_and_encoders_become_part_of_the_folder(weights, tmp_path, companions):
    shape, folder = companions
    big = {**weights, "llm.model.embed_tokens.weight": torch.randn(400, D), "llm.lm_head.weight": torch.randn(400, D)}
    for name in CONV:
        channels = shape[name][1]
        big[f"project_{name}.weight"] = torch.randn(channels, channels, CONV[name][0])
        big[f"project_{name}.bias"] = torch.randn(channels)
        big[f"transform_{name}_to_hidden.weight"] = torch.randn(D, channels)
    big |= {
        f"video_long_self_attention.{key}": one
        for key, one in Published.attention(shape["video"][1], HEADS).state_dict().items()
    }
    config = {**CONFIG, "vocab_size": 400, "feature_tokens": {name: shape[name][0] for name in CONV}}
    (tmp_path / "c.json").write_text(json.dumps(config))
    save_file(big, tmp_path / "w.safetensors")
    given = Companions(str(folder / "llm"), str(folder / "clip"), str(folder / "whisper"))
    report = import_published(tmp_path / "w.safetensors", tmp_path / "c.json", tmp_path / "out", given)
    model, processor = load_model(report.folder)
    inputs = processor("What is it?", audio=[torch.zeros(16_000).numpy()])
    assert processor.encoder.template == "as_published"
    with torch.no_grad():
        assert model(**inputs).logits.isfinite().all()
    assert torch.equal(model.fusion.null_features_video[0], model.fusion.null_features_image)


def test_an_encoder_of_another_size_and_a_tokenizer_that_is_too_large_are_told(weights, tmp_path, companions):
    _, folder = companions
    file = write("golden", weights, tmp_path)
    with pytest.raises(MismatchError, match=r"\(21, 8\)"):
        import_published(file, None, tmp_path / "out", Companions(image_encoder=str(folder / "clip")))
    with pytest.raises(MismatchError, match="has embeddings for 41"):
        import_published(file, None, tmp_path / "out", Companions(tokenizer=str(folder / "llm")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="tokenizer"):
        import_published(file, None, tmp_path / "out", Companions(tokenizer=str(tmp_path / "empty")))


OURS = '{"model_type": "macaw"}'


@pytest.mark.parametrize("plant", [
    lambda out: (out / "config.json").write_text('{"model_type": "llama"}'),
    lambda out: (out / "config.json").write_text(OURS) and (out / "thesis.txt").touch(),
    lambda out: (out / "config.json").symlink_to(out / "real.json") or (out / "real.json").write_text(OURS),
])  # fmt: skip
def test_a_folder_with_a_config_of_others_or_with_files_of_others_stays(weights, tmp_path, plant):
    out = tmp_path / "out"
    (tmp_path / "out.old").mkdir()
    (tmp_path / "out.tmp").mkdir()
    out.mkdir()
    plant(out)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(InputError, match="out"):
        import_published(tmp_path / "weights.safetensors", None, out)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_a_checkpoint_is_not_imported_over_itself_and_its_neighbours_stay(weights, tmp_path):
    (tmp_path / "out").mkdir()
    file = write("golden", weights, tmp_path / "out")
    for name in ("out.old", "out.tmp", "again.old", "again.tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="out"):
        import_published(file, None, tmp_path / "out")
    import_published(file, None, tmp_path / "again")
    assert file.exists() and len(list(tmp_path.rglob("thesis.txt"))) == 4
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}{end}" for name in ("again", "out")
                                                          for end in ("", ".old", ".tmp")}  # fmt: skip


def test_a_model_that_is_there_is_not_replaced(weights, tmp_path):
    (tmp_path / "source").mkdir()
    file, out = write("golden", weights, tmp_path / "source"), tmp_path / "model"
    out.mkdir()  # an empty folder is taken
    import_published(file, None, out)
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    with pytest.raises(InputError, match=r"model exists already") as error:
        import_published(file, None, out)
    assert "--out" in error.value.hint
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    model, _ = load_published(file)
    with pytest.raises(InputError, match=r"model exists already"):  # one that came meanwhile
        save_model(model, None, out, replaces=False)
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.fixture(scope="module")
def companions(tmp_path_factory):
    """Feature shapes per modality, and a folder with `clip`, `whisper` and `llm`."""
    import tiny_macaw

    from macaw_cli.config.feature_settings import EncoderSettings
    from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder

    folder = tmp_path_factory.mktemp("models")
    tiny_macaw.make_models(folder)
    image = load_image_encoder(EncoderSettings(), str(folder / "clip"), "cpu").feature_shape
    audio = load_audio_encoder(EncoderSettings(projection=False), str(folder / "whisper"), "cpu").feature_shape
    return {"image": image, "video": image, "audio": audio}, folder


@pytest.mark.parametrize("has_model", [True, False])
def test_the_model_of_a_run_is_not_replaced(weights, tmp_path, has_model):
    file = write("golden", weights, tmp_path)
    run = tmp_path / "runs" / "a"
    run.mkdir(parents=True)
    (run / "settings.yaml").write_text("version: 1\n")
    if has_model:
        (run / "model").mkdir()
        (run / "model" / "config.json").write_text('{"model_type": "macaw"}')
    with pytest.raises(InputError, match="the run a"):
        import_published(file, None, run / "model")
    assert (run / "model").exists() is has_model
