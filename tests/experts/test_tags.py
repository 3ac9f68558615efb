"""Tags are the labels that CLIP itself finds most similar."""

import numpy as np
import pytest
import tiny_encoders
import tiny_experts
import tiny_macaw
import torch
from PIL import Image

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.experts.tags import TagsSettings
from macaw_cli.config.loading import open_workspace, parse_settings
from macaw_cli.experts.expert import Medium, StoredFeatures, Surroundings
from macaw_cli.experts.loading import labels_of
from macaw_cli.experts.tags import TagsExpert
from macaw_cli.features.extract import extract
from macaw_cli.media.video import load_frames
from macaw_cli.shards.feature_store import FeatureStore

TEMPLATES = ("a photo of a {}.", "{}, as seen on television")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return tiny_experts.make_clip(tmp_path_factory.mktemp("models") / "clip")


@pytest.fixture
def image(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    return tmp_path / "noise.png"


def expert(folder, labels=tiny_experts.LABELS, frames=3, **options):
    return TagsExpert(TagsSettings(**options), Surroundings(str(folder), "cpu", frames, labels))


def nowhere():
    raise InputError("The file was asked for.")


@torch.inference_mode()
def cosines(folder, images, templates=TEMPLATES):
    """(images, labels) by `CLIPModel`."""
    from transformers import CLIPImageProcessorPil, CLIPModel

    model, tokenizer = CLIPModel.from_pretrained(folder).eval(), tiny_experts.clip_tokenizer()
    pixels = CLIPImageProcessorPil.from_pretrained(folder)(images=images, return_tensors="pt")["pixel_values"]
    seen = model.get_image_features(pixel_values=pixels).pooler_output
    known = []
    for label in tiny_experts.LABELS:
        of_label = []
        for template in templates:
            ids = tokenizer(template.replace("{}", label), truncation=True, max_length=40, return_tensors="pt")
            one = model.get_text_features(input_ids=ids["input_ids"]).pooler_output[0]
            of_label.append(one / one.norm())
        mean = torch.stack(of_label).mean(0)
        known.append(mean / mean.norm())
    return ((seen / seen.norm(dim=-1, keepdim=True)) @ torch.stack(known).T).numpy()


def best(row, count):
    return " | ".join(tiny_experts.LABELS[at] for at in np.argsort(-row)[:count])


@pytest.mark.parametrize("templates", [TEMPLATES, TEMPLATES[:1]])
def test_the_tags_of_an_image_are_the_labels_most_similar_to_it(clip, image, templates):
    found = expert(clip, templates=templates, top=2).text(Medium("image", "", lambda: image))
    assert found == best(cosines(clip, [Image.open(image)], templates)[0], 2)


def test_a_threshold_keeps_the_labels_above_it(clip, image):
    row = cosines(clip, [Image.open(image)])[0]
    least = float(np.sort(row)[-3:-1].mean())  # between the second and the third
    found = expert(clip, templates=TEMPLATES, top=None, threshold=least).text(Medium("image", "", lambda: image))
    assert found == best(row, 2)
    none = expert(clip, templates=TEMPLATES, threshold=1.0)
    assert none.said(none.text(Medium("image", "", lambda: image)), "image") == "Tags: (none)"


def test_the_frames_of_a_video_are_lines_and_those_of_one_second_are_one(clip, tmp_path):
    tiny_macaw.make_video(tmp_path / "film.mp4", with_audio=False)
    frames, times = load_frames(tmp_path / "film.mp4", 3)
    one = expert(clip, top=1, templates=TEMPLATES)
    found = one.text(Medium("video", "", lambda: tmp_path / "film.mp4"))
    rows = cosines(clip, [Image.fromarray(frame) for frame in frames])
    assert max(times) < 1 and found == "Second 0: " + " | ".join(dict.fromkeys(best(row, 1) for row in rows))
    assert one.said(found, "video") == found
    vectors = one._seen([Image.fromarray(frame) for frame in frames])
    lines = one._lines(vectors, [0.4, 2.1, 2.9]).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["Second 0", "Second 2"]


def test_stored_embeddings_give_the_same_tags_as_the_files(clip, image, tmp_path):
    tiny_macaw.make_video(tmp_path / "film.mp4", with_audio=False)
    encoder = f"{{model: {clip}, cls: keep, post_layernorm: true}}"
    (tmp_path / "macaw.yaml").write_text(
        f"features: {{image_encoder: {encoder}, frames: 3, device: cpu, workers: 1}}"
    )
    extract(open_workspace(tmp_path), [str(image), str(tmp_path / "film.mp4")])
    store = FeatureStore(tmp_path / "features")
    one = expert(clip, top=4, templates=TEMPLATES)
    for modality, file in (("image", image), ("video", tmp_path / "film.mp4")):
        row = store.find(file.name, modality)

        def stored(row=row, **changed):
            made = {**store.fingerprints[row.modality], **changed}
            return StoredFeatures(row.shape, made, lambda: store.read(row), lambda: store.about(row))

        expected = one.text(Medium(modality, row.key, lambda file=file: file))
        assert one.text(Medium(modality, row.key, nowhere, stored=stored())) == expected
        for other in ({"cls": "drop"}, {"weights": "0"}, {"post_layernorm": False}, {"l2": True}):
            with pytest.raises(InputError, match="asked for"):
                one.text(Medium(modality, row.key, nowhere, stored=stored(**other)))
    with pytest.raises(InputError, match="asked for"):
        expert(clip, frames=2).text(Medium("video", row.key, nowhere, stored=stored()))


def test_what_is_no_whole_clip_or_has_no_labels_is_refused(tmp_path, clip):
    with pytest.raises(InputError, match="whole CLIP"):
        expert(tiny_encoders.make("siglip", tmp_path / "other"))
    with pytest.raises(InputError, match="no labels"):
        expert(clip, labels=())


def test_labels_are_the_lines_of_a_text_file(tmp_path):
    (tmp_path / "labels.txt").write_text("dog\n\n cat \ndog\n")
    assert labels_of(tmp_path / "labels.txt") == ["dog", "cat"]
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "latin.txt").write_bytes(b"\xff\xfe")
    for name in ("empty.txt", "latin.txt", "absent.txt"):
        with pytest.raises(InputError, match=name):
            labels_of(tmp_path / name)


@pytest.mark.parametrize(
    ("options", "word"),
    [({"top": None}, "top or threshold"), ({"templates": []}, "templates"), ({"templates": ["a photo"]}, "templates"),
     ({"form": "tags"}, "form"), ({"threshold": 2}, "threshold")],
)  # fmt: skip
def test_impossible_options_are_refused(options, word):
    with pytest.raises(UsageError, match=word):
        parse_settings({"dataset": {"experts": [{"name": "tags", **options}]}}, "test")
