"""A whole Whisper and a whole CLIP with tokenizers, tiny and random, and a workspace whose media they describe."""

import json
import shutil

import numpy as np
import soundfile
import tiny_macaw
import torch
from PIL import Image

from macaw_cli.encoders.source import quiet_transformers

LABELS = ("red", "green", "blue", "a very long label of many words")
COLOURS = {"red": (250, 10, 10), "green": (10, 240, 10), "blue": (10, 10, 250), "grey": (120, 120, 120)}
RATE = 16_000
EXPERTS = ["transcript", {"name": "tags", "labels": "labels.txt", "top": 2}]
"""Of `train_runs`."""
NO_TIMESTAMPS = 258
SETTINGS = """\
llm: models/llm
features: {image_encoder: models/clip, audio_encoder: models/whisper, frames: 3, device: cpu, workers: 1}
dataset: {sources: ["jsonl:rows.jsonl"], val_fraction: 0.3, workers: 1, leak_check: "off"}
bridge: linear
chat: {max_new_tokens: 8, device: cpu}
evaluation: {device: cpu}
training: {max_steps: 2, sequence_length: 1024, global_batch_size: 2, max_length: 512, precision: fp32, device: cpu,
  template: alpaca, evaluate_every: null, report: false}
"""


def make_whisper(folder, seed=0):
    """A Whisper of windows of 2 s that writes letters and timestamps."""
    from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    torch.manual_seed(seed)
    tokenizer = tiny_macaw.byte_tokenizer()
    config = WhisperConfig(
        d_model=32, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=32, decoder_ffn_dim=32, max_source_positions=100, max_target_positions=64, num_mel_bins=80,
        vocab_size=NO_TIMESTAMPS + 102, pad_token_id=1, bos_token_id=0, eos_token_id=1, decoder_start_token_id=0,
        init_std=0.5,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    letters = set(tokenizer.convert_tokens_to_ids(list("abcdefghijklmnopqrstuvwxyz"))) | {1}
    model.generation_config = GenerationConfig(
        decoder_start_token_id=0, bos_token_id=0, eos_token_id=1, pad_token_id=1, max_length=60, is_multilingual=False,
        no_timestamps_token_id=NO_TIMESTAMPS, begin_suppress_tokens=[1],
        suppress_tokens=[token for token in range(NO_TIMESTAMPS) if token not in letters],
    )  # fmt: skip
    with quiet_transformers():
        model.save_pretrained(folder)
        WhisperFeatureExtractor(feature_size=80, chunk_length=2).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def clip_tokenizer():
    """As CLIP's own, it puts a text between begin and end tokens; the model reads the end token's state."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = tiny_macaw.byte_tokenizer()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return tokenizer


def make_clip(folder, seed=0):
    """A CLIP of both towers."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    torch.manual_seed(seed)
    tokenizer = clip_tokenizer()
    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
            "vocab_size": len(tokenizer), "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 1,
            "max_position_embeddings": 40}  # fmt: skip
    vision = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
              "image_size": 32, "patch_size": 8}  # fmt: skip
    with quiet_transformers():
        CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)).save_pretrained(folder)
        CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def make_workspace(root):
    """Models, media, captions and conversations about four images, four audio files and two videos."""
    make_whisper(root / "models/whisper")
    make_clip(root / "models/clip")
    tokenizer = tiny_macaw.byte_tokenizer()
    with quiet_transformers():
        tiny_macaw.tiny_llm(tokenizer).save_pretrained(root / "models/llm")
        tokenizer.save_pretrained(root / "models/llm")
    media = root / "media"
    media.mkdir()
    rows, captions = [], []
    for number, (name, colour) in enumerate(COLOURS.items()):
        Image.new("RGB", (40, 30), colour).save(media / f"{name}.png")
        soundfile.write(media / f"{name}.wav", np.sin(np.arange(RATE * (number + 1)) / (3 + number)), RATE)
        rows += [asked("image", f"media/{name}.png", name), asked("audio", f"media/{name}.wav", name)]
        captions.append({"image": [f"media/{name}.png"], "captions": [f"a {name} plane"]})
    for name, loud in (("film", True), ("silent", False)):
        tiny_macaw.make_video(media / f"{name}.mp4", with_audio=loud)
        rows.append(asked("video", f"media/{name}.mp4", name))
    (media / "walk.csv").write_text("load\n1\n2\n4\n")
    write_rows(root / "rows.jsonl", rows)
    write_rows(root / "captions.jsonl", captions)
    (root / "labels.txt").write_text("\n".join(LABELS) + "\n\nred\n")
    (root / "macaw.yaml").write_text(SETTINGS)
    return root


def train_runs(workspace, root):
    """A copy of the workspace with a run `beside`, whose model reads texts and features, and `instead`: texts alone."""
    from macaw_cli.config.loading import open_workspace
    from macaw_cli.dataset.build import build_dataset
    from macaw_cli.training.run import train

    shutil.copytree(workspace, root)
    build_dataset(open_workspace(root, [f"dataset.experts={json.dumps(EXPERTS)}"]))
    train(open_workspace(root, ["training.name=beside", "expert_texts.system=Answer from the texts."]))
    replaced = ["expert_texts.media=replace", "expert_texts.max_words=3", "training.train=[llm]"]
    train(open_workspace(root, ["training.name=instead", *replaced]))
    return root


def asked(modality, path, answer, **more):
    """A conversation about one medium."""
    messages = [{"role": "user", "content": "What is it?"}, {"role": "assistant", "content": answer}]
    return {"id": f"{modality}-{answer}", modality: [path], "messages": messages, "kind": modality, **more}


def write_rows(path, rows):
    """A JSONL file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
