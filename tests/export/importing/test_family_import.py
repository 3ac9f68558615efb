"""Imported checkpoints give the original's logits, from pixels or waveforms, at every position."""

import json
import shutil

import pytest
import tiny_checkpoints
import torch
from safetensors.torch import load_file, save_file

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.encoders.loading import load_image_encoder
from macaw_cli.export.companions import Companions
from macaw_cli.export.families.registry import FAMILIES, family
from macaw_cli.export.importing.checkpoint_kind import chosen_family
from macaw_cli.export.importing.family_import import import_family
from macaw_cli.export.importing.run import import_any
from macaw_cli.model.folder import load_model
from macaw_cli.planning.export_targets import export_targets

QUESTION = "What is it?"


def imported(name, folder, out):
    """The model, its processor, and what was told."""
    report = import_family(family(name), folder, out)
    return (*load_model(out), report)


def with_placeholders(ids, token, model, modality):
    """The original's ids, its own placeholders replaced by macaw's."""
    return torch.where(ids == token, model.config.soft_token_ids[modality], ids)


def relative(found, expected):
    """Largest difference, relative to the largest value."""
    return ((found - expected).abs().max() / expected.abs().max()).item()


def obstacles(model, original):
    """What keeps the original's class from taking the bridge of the imported model, as the bridge declares it."""
    [target] = [one for one in export_targets(model.config) if one.loader == type(original).__name__]
    return list(target.obstacles)


@torch.no_grad()
def difference_from_llava(original, processor, ours, our_processor, images, text):
    inputs = processor(text=text, images=images, return_tensors="pt")
    expected = original(**inputs).logits
    pixels = our_processor(QUESTION, images=images).pixel_values
    ids = with_placeholders(inputs.input_ids, original.config.image_token_id, ours, "image")
    return relative(ours(input_ids=ids, pixel_values=pixels).logits, expected)


LLAVA = {
    "clip": {},
    "with class token": {"vision_feature_select_strategy": "full"},
    "last layer": {"vision_feature_layer": -1},
    "projector without bias": {"multimodal_projector_bias": False},
    "siglip": {"tower": "siglip", "vision_feature_select_strategy": "full", "vision_feature_layer": -1},
    "tied embeddings": {"text": {"tie_word_embeddings": True}},
}


@pytest.mark.parametrize("form", LLAVA)
def test_llava_gives_the_originals_logits_from_pixels(form, tmp_path):
    original, processor = tiny_checkpoints.llava(tmp_path / "llava", **LLAVA[form])
    ours, our_processor, report = imported("llava", tmp_path / "llava", tmp_path / "out")
    images = [tiny_checkpoints.image(1), tiny_checkpoints.image(2)]
    text = f"USER: <image><image>\n{QUESTION} ASSISTANT:"  # with nothing between the two
    assert difference_from_llava(original, processor, ours, our_processor, images, text) <= 1e-5
    assert report.ignored == ()
    assert obstacles(ours, original) == []
    assert ours.config.begin_end_ids == {} and ours.fusion.begin_end_embeddings is None


def test_a_prompt_of_macaws_processor_is_the_originals_and_so_is_the_answer(tmp_path):
    original, processor = tiny_checkpoints.llava(tmp_path / "llava")
    ours, our_processor, _ = imported("llava", tmp_path / "llava", tmp_path / "out")
    image = tiny_checkpoints.image()
    inputs = processor(text=f"USER: <image>\n{QUESTION} ASSISTANT:", images=image, return_tensors="pt")
    found = our_processor(QUESTION, images=[image])
    expected_ids = with_placeholders(inputs.input_ids, original.config.image_token_id, ours, "image")
    assert found.input_ids.tolist() == expected_ids.tolist()
    written = [
        model.generate(**given, max_new_tokens=8, do_sample=False)[:, inputs.input_ids.shape[1] :].tolist()
        for model, given in ((original, inputs), (ours, found))
    ]
    assert written[0] == written[1]


PARTS_ONLY = (
    "{% for message in messages %}{% if message.role == 'user' %}USER: {% for part in message.content %}"
    "{% if part.type == 'image' %}<image>\n{% endif %}{% endfor %}{% for part in message.content %}"
    "{% if part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %} {% else %}ASSISTANT: "
    "{% for part in message.content %}{{ part.text }}{% endfor %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
"""As published ones: contents are lists of parts, and the tokenizer adds the first token."""


def test_the_chat_template_in_the_file_of_earlier_transformers_is_the_models(tmp_path):
    original, processor = tiny_checkpoints.llava(tmp_path / "llava")
    (tmp_path / "llava" / "chat_template.json").write_text(json.dumps({"chat_template": PARTS_ONLY}))
    ours, our_processor, _ = imported("llava", tmp_path / "llava", tmp_path / "out")
    processor.chat_template = PARTS_ONLY
    asked = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTION}]}]
    image = tiny_checkpoints.image()
    text = processor.apply_chat_template(asked, add_generation_prompt=True)
    inputs = processor(text=text, images=image, return_tensors="pt")
    expected = with_placeholders(inputs.input_ids, original.config.image_token_id, ours, "image")
    assert our_processor(QUESTION, images=[image]).input_ids.tolist() == expected.tolist()


def test_files_with_the_names_of_earlier_transformers_are_read(tmp_path):
    original, processor = tiny_checkpoints.llava(tmp_path / "llava")
    file = tmp_path / "llava" / "model.safetensors"
    later, earlier = "vision_tower.", "vision_tower.vision_model."
    weights = {name.replace(later, earlier): one for name, one in load_file(file).items()}
    assert any(name.startswith("language_model.model.layers.") for name in weights)
    save_file({**weights, "leftover.weight": torch.ones(2)}, file, {"format": "pt"})
    ours, our_processor, report = imported("llava", tmp_path / "llava", tmp_path / "out")
    text = f"USER: <image>\n{QUESTION} ASSISTANT:"
    images = [tiny_checkpoints.image()]
    assert difference_from_llava(original, processor, ours, our_processor, images, text) <= 1e-5
    assert report.ignored == ("leftover.weight",)


def test_half_precision_stays_and_the_encoder_inside_is_known_again(tmp_path):
    from macaw_cli.config.loading import open_workspace
    from macaw_cli.model.model_encoders import ModelEncoders

    original, _ = tiny_checkpoints.llava(tmp_path / "llava")
    tiny_checkpoints.save(tmp_path / "llava", original.half())
    ours, our_processor, _ = imported("llava", tmp_path / "llava", tmp_path / "out")
    assert ours.language_model.dtype == torch.float16 and ours.image_encoder.dtype == torch.float32
    (tmp_path / "macaw.yaml").write_text("{}")
    encoders = ModelEncoders(ours, our_processor, tmp_path / "out", open_workspace(tmp_path, []))
    assert encoders.features("image", tiny_checkpoints.image()).shape == (16, tiny_checkpoints.TOWER["hidden_size"])


def from_idefics3(processor, image):
    return processor(text=f"User:<image>{QUESTION}", images=[image], do_image_splitting=False, return_tensors="pt")


def from_blip2(processor, image):
    return processor(text=f"{QUESTION} Answer:", images=image, return_tensors="pt")


@pytest.mark.parametrize(
    ("name", "inputs_of", "options"),
    [
        ("idefics3", from_idefics3, {}),
        ("idefics3", from_idefics3, {"tie_word_embeddings": True}),
        ("blip2", from_blip2, {}),
    ],
)
def test_idefics3_and_blip_2_give_the_originals_logits_from_pixels(name, inputs_of, options, tmp_path):
    original, processor = getattr(tiny_checkpoints, name)(tmp_path / "original", **options)
    ours, our_processor, report = imported(name, tmp_path / "original", tmp_path / "out")
    image = tiny_checkpoints.image(3, (70, 50))
    inputs = inputs_of(processor, image)
    prompt = our_processor(QUESTION, images=[image])
    ids = with_placeholders(inputs.input_ids, original.config.image_token_id, ours, "image")
    with torch.no_grad():
        found = ours(input_ids=ids, pixel_values=prompt.pixel_values).logits
        assert relative(found, original(**inputs).logits) <= 1e-5
    assert report.ignored == ()
    assert obstacles(ours, original) == []
    block = [one for one in ids[0].tolist() if one >= ours.config.vocabulary_size]
    before, after = ours.config.surrounding_ids["image"]
    whole = [*before, *block, *after]
    for row in (ids[0].tolist(), prompt.input_ids[0].tolist()):  # also what stands around the image is the original's
        assert any(row[at : at + len(whole)] == whole for at in range(len(row)))
    assert prompt.input_ids[0].tolist().count(ours.language_model.config.bos_token_id) == 1


def test_the_towers_of_idefics3_blip_2_and_instructblip_extract_features_from_the_whole_checkpoint(tmp_path):
    for name in ("idefics3", "blip2", "instructblip"):
        tiny_checkpoints.__dict__[name](tmp_path / name)
        ours, _, _ = imported(name, tmp_path / name, tmp_path / f"{name}-out")
        encoder = load_image_encoder(ours.config.encoder_settings("image"), str(tmp_path / name), "cpu")
        assert {**encoder.fingerprint, "model": ""} == {**ours.config.fingerprints["image"], "model": ""}


def test_a_blip_2_with_an_encoder_decoder_is_one_message(tmp_path):
    from transformers import Blip2Config

    Blip2Config(text_config={"model_type": "t5"}).save_pretrained(tmp_path / "blip2")
    tiny_checkpoints.save(tmp_path / "blip2", tiny_checkpoints.tokenizer("<image>"))
    with pytest.raises(InputError, match="t5"):
        import_family(family("blip2"), tmp_path / "blip2", tmp_path / "out")


@pytest.fixture(scope="module")
def llava_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints") / "llava"
    tiny_checkpoints.llava(folder)
    return folder


@pytest.fixture
def damaged(llava_folder, tmp_path):
    """A function: a copy of the checkpoint, with other values in its config.json; None removes one."""

    def make(**changes):
        folder = shutil.copytree(llava_folder, tmp_path / "copy")
        content = json.loads((folder / "config.json").read_text())
        for path, value in changes.items():
            *sections, key = path.split("__")
            section = content
            for name in sections:
                section = section[name]
            section[key] = value
        (folder / "config.json").write_text(json.dumps(content))
        return folder

    return make


def test_the_family_is_told_by_the_configuration(llava_folder, capsys):
    assert chosen_family(llava_folder).name == "llava"
    assert "--from llava" in capsys.readouterr().err
    assert chosen_family(llava_folder, "llava").name == "llava" and capsys.readouterr().err == ""
    assert chosen_family(llava_folder, "macaw") is None
    assert chosen_family(llava_folder / "model.safetensors", "macaw") is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "llava_next"}, "tiles"),
        ({"model_type": "llava_onevision"}, "llava_onevision"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "quantised"),
        ({"text_config__quantization_config": {"quant_method": "gptq"}}, "quantised"),
        ({"text_config__model_type": "nobodys_llm"}, "nobodys_llm"),
        ({"text_config__model_type": "nobodys_llm", "text_config__auto_map": {"AutoConfig": "x.Y"}}, "no code"),
        ({"text_config__model_type": "t5"}, "t5"),
        ({"vision_config__model_type": "pixtral"}, "pixtral"),
        ({"vision_feature_layer": [-2, -3]}, "vision_feature_layer"),
        ({"projector_hidden_act": "relu"}, "projector_hidden_act"),
        ({"mm_vision_tower": "openai/clip"}, "LLaVA's own code"),
    ],
)
def test_a_checkpoint_that_cannot_be_imported_is_one_message(changes, words, damaged, tmp_path):
    folder = damaged(**changes)
    with pytest.raises(InputError, match=words):
        import_any(folder, "", None, tmp_path / "out", Companions())
    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_family_and_an_unknown_family_are_told(llava_folder, damaged):
    with pytest.raises(UsageError, match="nothing"):
        chosen_family(llava_folder, "nothing")
    with pytest.raises(InputError, match="tiles"):
        chosen_family(llava_folder, "llava_next")
    with pytest.raises(InputError, match=r"no config\.json"):
        chosen_family(llava_folder.parent, "llava")
    other = damaged(model_type="qwen2_vl")
    for name in FAMILIES:
        with pytest.raises(InputError, match=f"qwen2_vl.*{name}"):
            chosen_family(other, name)


def test_missing_weights_and_pickles_are_told(damaged, tmp_path):
    folder = damaged()
    weights = load_file(folder / "model.safetensors")
    kept = {name: one for name, one in weights.items() if "linear_1" not in name}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="linear_1"):
        import_any(folder, "llava", None, tmp_path / "out", Companions())
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="pickle"):
        import_any(folder, "llava", None, tmp_path / "out", Companions())


def test_weights_of_another_shape_are_told_with_both_shapes(damaged, tmp_path):
    folder = damaged(text_config__hidden_size=64)
    with pytest.raises(InputError, match=r"\b32\b.*\b64\b"):
        import_any(folder, "", None, tmp_path / "out", Companions())


def test_a_checkpoint_without_tokenizer_is_told(damaged, tmp_path):
    folder = damaged()
    for file in (*folder.glob("*token*"), *folder.glob("vocab*")):
        file.unlink()
    with pytest.raises(InputError, match="holds no tokenizer"):
        import_any(folder, "", None, tmp_path / "out", Companions())


def test_what_needs_no_import_or_is_a_file_of_a_folder_is_told(llava_folder, damaged, tmp_path):
    with pytest.raises(InputError, match=r"model\.safetensors is one file") as raised:
        chosen_family(llava_folder / "model.safetensors")
    assert str(llava_folder) in raised.value.hint
    for kind in ("llama", "whisper", "nobodys"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "config.json").write_text(json.dumps({"model_type": kind}))
        with pytest.raises(InputError, match=f"type '?{kind}") as raised:
            chosen_family(tmp_path / kind)
        assert all(name in raised.value.hint for name in (*FAMILIES, "macaw"))
        assert chosen_family(tmp_path / kind, "macaw") is None
    (tmp_path / "llama" / "config.json").write_text('{"model_type": "mm_llms", "llm_config": {}}')
    assert chosen_family(tmp_path / "llama") is None, "the published Macaw-LLM"
    own = damaged(model_type="macaw")
    (tmp_path / "run").mkdir()
    own.rename(tmp_path / "run" / "model")
    for place in (tmp_path / "run" / "model", tmp_path / "run"):
        for wanted in ("", "macaw", "llava"):
            with pytest.raises(InputError, match="a model of macaw already"):
                chosen_family(place, wanted)
    with pytest.raises(InputError, match="There is no"):
        chosen_family(tmp_path / "nowhere", "llava")


def test_options_of_other_families_are_refused(llava_folder, tmp_path):
    with pytest.raises(UsageError, match="--tokenizer"):
        import_any(llava_folder, "", None, tmp_path / "out", Companions(tokenizer="x"))
    with pytest.raises(UsageError, match="--llm"):
        import_any(llava_folder / "model.safetensors", "macaw", None, tmp_path / "out", Companions(llm="x"))


def test_the_checkpoint_itself_is_never_written_into(llava_folder):
    with pytest.raises(InputError):
        import_any(llava_folder, "", None, llava_folder / "out", Companions())
