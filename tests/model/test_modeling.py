from itertools import chain

import pytest
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, GPT2Config, GPTNeoXConfig, MistralConfig, OPTConfig, Qwen2Config

from macaw_cli.basics.errors import MismatchError
from macaw_cli.encoders.source import quiet_transformers
from macaw_cli.model.bridges.registry import soft_token_count
from macaw_cli.model.modeling import MacawForConditionalGeneration

BRIDGES = ["macaw", "linear", "mlp"]
OTHER_LLMS = {
    "qwen2-tied": Qwen2Config(
        vocab_size=60, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, tie_word_embeddings=True,
    ),
    "gpt2": GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=4, n_positions=256, bos_token_id=0, eos_token_id=1),
    "opt": OPTConfig(
        vocab_size=60, hidden_size=32, ffn_dim=48, num_hidden_layers=2, num_attention_heads=4, word_embed_proj_dim=32,
        max_position_embeddings=256,
    ),
    "mistral-sliding": MistralConfig(
        vocab_size=60, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, sliding_window=8,
    ),
    "neox": GPTNeoXConfig(
        vocab_size=60, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=256,
    ),
}  # fmt: skip


def row(tiny, config, *pieces):
    ids = torch.tensor([tiny.sequence(config, *pieces)])
    labels = ids.clone()
    labels[:, :-3] = -100
    return ids, labels


@pytest.mark.parametrize("name", BRIDGES)
def test_the_loss_is_the_llms_own_on_the_fused_inputs(tiny, name):
    model = tiny.model(name)
    ids, labels = row(tiny, model.config, 1, "image", "video", 5, 6, 7, 8)
    media = {"image_features": tiny.features("image"), "video_features": tiny.features("video")}
    output = model(input_ids=ids, labels=labels, **media)
    embeds = model.fuse_inputs(ids, **media).inputs_embeds
    logits = model.language_model(inputs_embeds=embeds).logits
    expected = F.cross_entropy(logits[0, :-1], labels[0, 1:], ignore_index=-100)
    assert torch.allclose(output.loss, expected, rtol=1e-5)
    assert output.logits.shape == (1, ids.shape[1], 60)


def test_without_logits_the_loss_and_gradients_are_the_same(tiny):
    model = tiny.model()
    ids, labels = row(tiny, model.config, 1, "image", 5, 6, 7, 8)
    padded, padded_labels = F.pad(ids, (2, 0)), F.pad(labels, (2, 0), value=-100)
    ids, labels = torch.cat([F.pad(ids, (0, 2)), padded]), torch.cat([F.pad(labels, (0, 2), value=-100), padded_labels])
    mask = (ids != 0).long()
    gradients = {}
    for return_logits in (True, False):
        model.zero_grad()
        output = model(
            input_ids=ids, attention_mask=mask, labels=labels, image_features=tiny.features("image", 2),
            return_logits=return_logits, num_supervised=torch.tensor(11),
        )  # fmt: skip
        output.loss.backward()
        gradients[return_logits] = [output.loss, *(p.grad.clone() for p in model.parameters() if p.grad is not None)]
    assert output.logits is None
    for one, other in zip(gradients[True], gradients[False], strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_packed_rows_give_every_example_the_logits_it_has_alone(tiny, attention, mode):
    model = tiny.model("linear")
    model.set_attn_implementation(attention)
    model.train(mode == "train")
    examples = [
        tiny.sequence(model.config, 1, "image", 5, 6, 7),
        tiny.sequence(model.config, 1, 8, 9),
        tiny.sequence(model.config, 1, "image", "audio", 10, 11),
    ]
    images, audio = tiny.features("image", 2), tiny.features("audio")
    media = [{"image_features": images[:1]}, {}, {"image_features": images[1:], "audio_features": audio}]
    given = zip(examples, media, strict=True)
    alone = [model(input_ids=torch.tensor([ids]), **features).logits[0] for ids, features in given]
    packed = model(
        input_ids=torch.tensor([[*chain(*examples)]]),
        position_ids=torch.tensor([[*chain(*(range(len(ids)) for ids in examples))]]),
        image_features=images, audio_features=audio,
    )  # fmt: skip
    assert packed.past_key_values is None
    assert torch.allclose(packed.logits[0], torch.cat(alone), rtol=1e-5, atol=1e-5)


def test_a_mask_of_truth_values_means_the_same_to_every_kernel(tiny):
    """Eager attention adds its mask to the scores, so there a bare truth value would hide nothing."""
    model = tiny.model("linear")
    mask = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 1]], dtype=torch.bool)[None, None]
    logits = {}
    for attention in ("sdpa", "eager"):
        model.set_attn_implementation(attention)
        logits[attention] = model(input_ids=torch.tensor([[1, 5, 6, 7]]), attention_mask=mask).logits
    assert torch.allclose(logits["sdpa"], logits["eager"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("llm", sorted(OTHER_LLMS))
def test_packing_isolates_with_other_llms_too(tiny, llm):
    model = tiny.model("linear", llm=OTHER_LLMS[llm])
    examples = [tiny.sequence(model.config, 1, "image", 5, 6, 7), tiny.sequence(model.config, 1, 8, 9, 4)]
    image = tiny.features("image")
    given = zip(examples, (image, []), strict=True)
    alone = [model(input_ids=torch.tensor([ids]), image_features=features).logits[0] for ids, features in given]
    positions = torch.tensor([[*range(len(examples[0])), *range(len(examples[1]))]])
    packed = model(input_ids=torch.tensor([[*chain(*examples)]]), position_ids=positions, image_features=image)
    assert torch.allclose(packed.logits[0], torch.cat(alone), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_on_either_side_changes_no_logit(tiny, side):
    model = tiny.model()
    short, long = tiny.sequence(model.config, 1, "image", 5), tiny.sequence(model.config, 1, "image", 5, 6, 7, 8, 9)
    image = tiny.features("image", 2)
    missing = len(long) - len(short)
    padding = (missing, 0) if side == "left" else (0, missing)
    ids = torch.stack([F.pad(torch.tensor(short), padding), torch.tensor(long)])
    mask = torch.stack([F.pad(torch.ones(len(short)), padding), torch.ones(len(long))]).long()
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    batch = model(input_ids=ids, attention_mask=mask, position_ids=positions, image_features=image).logits
    alone = model(input_ids=torch.tensor([short]), image_features=image[:1]).logits[0]
    real = batch[0, missing:] if side == "left" else batch[0, : len(short)]
    assert torch.allclose(real, alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", BRIDGES)
@pytest.mark.parametrize("media", [(), ("image",), ("audio", "video")])
def test_in_training_every_bridge_and_tag_parameter_gets_a_gradient_whatever_the_media(tiny, name, media):
    model = tiny.model(name).train()
    ids, labels = row(tiny, model.config, 1, *media, 5, 6, 7)
    output = model(input_ids=ids, labels=labels, **{f"{one}_features": tiny.features(one) for one in media})
    output.loss.backward()
    groups = model.trainable_groups()
    trained = groups["bridge"] | groups["begin_end_tokens"]
    assert [name for name, p in trained.items() if p.grad is None] == []
    untouched = [one for one in ("image", "audio", "video") if one not in media]
    for one in untouched:
        assert not any(p.grad.any() for key, p in groups["bridge"].items() if key.startswith(f"bridges.{one}."))


def test_absent_modalities_change_neither_loss_nor_logits(tiny):
    model = tiny.model("macaw")
    ids, labels = row(tiny, model.config, 1, "image", 5, 6, 7)
    image = tiny.features("image")
    evaluated = model(input_ids=ids, labels=labels, image_features=image)
    trained = model.train()(input_ids=ids, labels=labels, image_features=image)
    assert torch.equal(evaluated.logits, trained.logits)


def test_the_groups_hold_every_parameter_once(tiny):
    model = tiny.model()
    groups = model.trainable_groups()
    together = [id(p) for group in groups.values() for p in group.values()]
    assert sorted(together) == sorted(id(p) for p in model.parameters())
    assert all(groups[name] for name in ("bridge", "begin_end_tokens", "llm"))


@pytest.mark.parametrize("name", BRIDGES)
def test_generating_with_the_cache_gives_what_whole_forward_passes_give(tiny, name):
    model = tiny.model(name)
    ids, _ = row(tiny, model.config, 1, "image", 5, 6)
    image = tiny.features("image")
    made = model.generate(input_ids=ids, image_features=image, max_new_tokens=6, do_sample=False, eos_token_id=None)
    grown = ids
    for _ in range(6):
        choice = model(input_ids=grown, image_features=image).logits[:, -1].argmax(-1, keepdim=True)
        grown = torch.cat([grown, choice], dim=1)
    assert made.tolist() == grown.tolist()


def test_a_left_padded_batch_generates_what_each_row_generates_alone(tiny):
    model = tiny.model()
    rows = [tiny.sequence(model.config, 1, "image", 5), tiny.sequence(model.config, 1, "image", 5, 6, 7)]
    image = tiny.features("image", 2)
    options = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None}
    alone = [
        model.generate(input_ids=torch.tensor([ids]), image_features=[one], **options)[0, len(ids) :].tolist()
        for ids, one in zip(rows, image, strict=True)
    ]
    ids = torch.stack([F.pad(torch.tensor(rows[0]), (2, 0)), torch.tensor(rows[1])])
    mask = torch.ones_like(ids)
    mask[0, :2] = 0
    together = model.generate(input_ids=ids, attention_mask=mask, image_features=image, **options)[:, ids.shape[1] :]
    assert together.tolist() == alone


def test_beams_repetition_penalty_and_dict_output_work_with_media(tiny):
    model = tiny.model()
    ids, _ = row(tiny, model.config, 1, "image", 5, 6)
    with pytest.warns(UserWarning, match="generated"):  # placeholders cannot be penalised
        output = model.generate(
            input_ids=ids, image_features=tiny.features("image"), max_new_tokens=4, num_beams=3, num_return_sequences=2,
            repetition_penalty=1.2, return_dict_in_generate=True, eos_token_id=None,
        )  # fmt: skip
    assert output.sequences.shape == (2, ids.shape[1] + 4)
    assert output.sequences[1, : ids.shape[1]].tolist() == ids[0].tolist()
    assert (output.sequences[:, ids.shape[1] :] < 60).all()


def test_text_alone_generates_as_the_llm_does(tiny):
    model = tiny.model()
    ids = torch.tensor([[1, 5, 6, 7]])
    options = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None}
    assert torch.equal(model.generate(ids, **options), model.language_model.generate(ids, **options))


@pytest.mark.parametrize("features", [0, 2])
def test_features_that_do_not_fit_the_placeholders_are_told_with_both_numbers(tiny, features):
    model = tiny.model()
    ids, _ = row(tiny, model.config, 1, "image", 5, 6)
    with pytest.raises(MismatchError, match=f"image.*3 .* {3 * features} "):
        model(input_ids=ids, image_features=tiny.features("image", features))


def test_an_unknown_id_is_an_error_and_no_silent_zero(tiny):
    model = tiny.model()
    with pytest.raises(IndexError):
        model(input_ids=torch.tensor([[1, 60 + 12, 5]]))


@pytest.mark.parametrize("llm", [None, *sorted(OTHER_LLMS)])
def test_saving_and_loading_keeps_every_weight_and_logit(tiny, tmp_path, llm):
    model = tiny.model(llm=None if llm is None else OTHER_LLMS[llm])
    ids, _ = row(tiny, model.config, 1, "image", "audio", 5, 6)
    media = {"image_features": tiny.features("image"), "audio_features": tiny.features("audio")}
    with quiet_transformers():
        model.save_pretrained(tmp_path)
        reloaded = MacawForConditionalGeneration.from_pretrained(tmp_path).eval()
    state = model.state_dict()
    assert state.keys() == reloaded.state_dict().keys()
    assert [key for key, value in reloaded.state_dict().items() if not torch.equal(value, state[key])] == []
    assert torch.equal(model(input_ids=ids, **media).logits, reloaded(input_ids=ids, **media).logits)


@pytest.mark.parametrize("llm", [None, *sorted(OTHER_LLMS)])
def test_building_from_a_folder_keeps_the_llms_weights(tiny, tmp_path, llm):
    config = tiny.llm_config() if llm is None else OTHER_LLMS[llm]
    torch.manual_seed(3)
    original = AutoModelForCausalLM.from_config(config)
    with quiet_transformers():
        original.save_pretrained(tmp_path)
        model = MacawForConditionalGeneration.build(tiny.config(llm=config), str(tmp_path))
    loaded = model.language_model.state_dict()
    assert [key for key, value in original.state_dict().items() if not torch.equal(value, loaded[key])] == []
    tied = model.language_model.get_output_embeddings().weight is model.embedding_matrix
    assert tied == bool(getattr(config, "tie_word_embeddings", False))
    rms = original.get_input_embeddings().weight.square().mean().sqrt()
    assert torch.allclose(model.fusion.bridges["image"].embedding_rms, rms)
    assert torch.allclose(model.fusion.begin_end_embeddings.weight.square().mean().sqrt(), rms, rtol=0.2)


def test_building_twice_with_one_seed_gives_the_same_weights(tiny):
    one, other = tiny.model(seed=5).state_dict(), tiny.model(seed=5).state_dict()
    assert all(torch.equal(value, other[key]) for key, value in one.items())


def test_bf16_and_gradient_checkpointing_train(tiny):
    model = tiny.model().to(torch.bfloat16).train()
    model.activation_checkpointing_enable()
    ids, labels = row(tiny, model.config, 1, "image", "video", 5, 6, 7)
    media = {"image_features": tiny.features("image"), "video_features": tiny.features("video")}
    output = model(input_ids=ids, labels=labels, **media, return_logits=False)
    output.loss.backward()
    assert output.loss.dtype == torch.float32
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


class TestNullFeatures:
    """The published habit: all three media in every example."""

    def model(self, tiny):
        model = tiny.model("macaw", variant="paper", null_features=True)
        for at, name in enumerate(("image", "audio", "video")):
            model.fusion.set_null_features(name, tiny.features(name, seed=50 + at)[0])
        return model

    def test_absent_media_are_the_null_features(self, tiny):
        model = self.model(tiny)
        ids = torch.tensor([[1, 5, 6]])
        image = tiny.features("image")
        null = {f"{name}_features": getattr(model.fusion, f"null_features_{name}")[None] for name in ("audio", "video")}
        found = model(input_ids=ids, image_features=image).logits
        expected = model(input_ids=ids, image_features=image, **null).logits
        assert torch.allclose(found, expected, rtol=1e-5, atol=1e-6)

    def test_rows_of_one_batch_may_lack_different_media(self, tiny):
        model = self.model(tiny)
        config = model.config
        whole = tiny.sequence(config, 1, "image", "audio", "video", 5)
        soft, null = config.soft_token_ids, config.null_token_ids
        blind = [null["image"] if one == soft["image"] else one for one in whole]
        media = {"audio_features": tiny.features("audio", 2), "video_features": tiny.features("video", 2)}
        image = tiny.features("image")
        batch = model(input_ids=torch.tensor([blind, whole]), image_features=image, **media).logits
        single = {key: value[:1] for key, value in media.items()}
        null = model.fusion.null_features_image
        alone = model(input_ids=torch.tensor([whole]), image_features=[null], **single).logits
        assert torch.allclose(batch[0], alone[0], rtol=1e-5, atol=1e-6)

    def test_null_features_that_were_never_set_are_told(self, tiny):
        model = tiny.model("macaw", variant="paper", null_features=True)
        with pytest.raises(MismatchError, match="absent audio"):
            model(input_ids=torch.tensor([[1, 5]]), image_features=tiny.features("image"))

    def test_they_are_saved_with_the_model(self, tiny, tmp_path):
        model = self.model(tiny)
        with quiet_transformers():
            model.save_pretrained(tmp_path)
            reloaded = MacawForConditionalGeneration.from_pretrained(tmp_path)
        assert torch.equal(reloaded.fusion.null_features_video, model.fusion.null_features_video)

    def test_a_medium_too_few_for_the_rows_is_told(self, tiny):
        with pytest.raises(MismatchError, match=r"1.*2"):
            self.model(tiny)(input_ids=torch.tensor([[1, 5], [1, 6]]), image_features=tiny.features("image"))


@pytest.mark.parametrize("bridge", ["linear", "macaw"])
def test_a_model_without_begin_and_end_tokens_takes_media_side_by_side_and_saves_and_loads(tiny, bridge, tmp_path):
    model = tiny.model(bridge, surrounding_ids={"image": [[], []]})
    assert model.fusion.begin_end_embeddings is None and not model.trainable_groups()["begin_end_tokens"]
    count = soft_token_count(model.config, "image", tiny.shapes["image"])
    token = model.config.soft_token_ids["image"]
    ids = torch.tensor([[5, *[token] * (2 * count), 6]])
    features = tiny.features("image", 2)
    model.save_pretrained(tmp_path)
    loaded = MacawForConditionalGeneration.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        found = [one(input_ids=ids, image_features=features).logits for one in (model, loaded)]
        swapped = model(input_ids=ids, image_features=features[::-1]).logits
    assert torch.equal(*found) and not torch.allclose(found[0], swapped)
    with pytest.raises(MismatchError, match=str(2 * count)):
        model(input_ids=ids, image_features=features[:1])
