"""A tiny real world to train on: a Llama with its tokenizer, a feature store and a dataset, all made by real code."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from macaw_cli.config.loading import Workspace, parse_settings
from macaw_cli.shards.tar_writer import write_shard

# DeepSpeed asks oneDNN, which has no fp16 kernels for older CPUs
NEEDS_FP16 = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_fp16_supported(), reason="DeepSpeed computes no fp16 on this CPU"
)
SHAPES = {"image": (4, 8), "audio": (6, 8), "video": (2, 4, 8)}
FINGERPRINTS = {
    "image": {"model": "tiny-clip", "layer": -1, "weights": "11"},
    "audio": {"model": "tiny-whisper", "layer": -1, "weights": "22"},
    "video": {"model": "tiny-clip", "layer": -1, "weights": "11", "frames": 2},
}
PADDED = {"chunk_length": 3, "sampling_rate": 100, "hop_length": 25}
"""Preprocessing of an audio encoder that pads to 3 s, which are 6 tokens."""
COLOURS = ("red", "green", "blue", "yellow")
SUFFIX = {"image": "png", "audio": "wav", "video": "mp4"}


def make_world(folder: Path, *, many_lengths: bool = False, audio_padding: str = "") -> Path:
    """Write `llm/`, `features/`, `questions.jsonl`, `macaw.yaml` and `dataset/` into `folder`.

    With `many_lengths` images and audio files have numbers of tokens of their own, from 2 to 12. With `audio_padding`
    audio files have 2 tokens a second and durations up to 3 s, and the store keeps or drops the tokens beyond.
    """
    from macaw_cli.dataset.build import build_dataset

    make_llm(folder / "llm")
    media = {m: [f"{m}/{n}.{SUFFIX[m]}" for n in range(24 if m == "image" else 12)] for m in SHAPES}
    _make_store(folder / "features", media, many_lengths, audio_padding)
    rows = [_question(modality, path) for modality, paths in media.items() for path in paths]
    rows += [_text_question(n) for n in range(24)]
    (folder / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tree = settings_tree()
    (folder / "macaw.yaml").write_text(yaml.safe_dump(tree))
    build_dataset(Workspace(folder, parse_settings(tree, "test")))
    return folder


def settings_tree(bridge: Any = "linear", injection: Any = "none", **training) -> dict:
    """Settings of a training that takes seconds; `training` overrides its section."""
    quick = {
        "max_steps": 6, "sequence_length": 512, "global_batch_size": 4, "max_length": 256, "precision": "fp32",
        "device": "cpu", "learning_rate": 1e-3, "checkpoint_every": 2, "evaluate_every": None, "evaluate_examples": 2,
        "log_every": 1, "report": False,
    }  # fmt: skip
    return {
        "llm": "llm",
        "bridge": bridge,
        "injection": injection,
        "dataset": {"sources": ["jsonl:questions.jsonl"], "val_fraction": 0.15},
        "training": quick | training,
    }


def make_llm(folder: Path) -> None:
    """A Llama of two layers and 32 channels, and a tokenizer of whole bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary = {symbol: number for number, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    vocabulary |= {"<s>": 256, "</s>": 257}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], fuse_unk=False))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    fast.chat_template = (
        "{% for message in messages %}[{{ message.role }}]{{ message.content }}"
        "{% if message.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=258, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=1024, bos_token_id=256, eos_token_id=257,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)


def make_workspace(world: Path, folder: Path, **training) -> Workspace:
    """A workspace of its own that trains on the world's LLM and dataset."""
    folder.mkdir(parents=True, exist_ok=True)
    tree = settings_tree(**training)
    tree["llm"] = str(world / "llm")
    tree["dataset"]["out"] = str(world / "dataset")
    (folder / "macaw.yaml").write_text(yaml.safe_dump(tree))
    return Workspace(folder, parse_settings(tree, "test"))


def _colour(path: str) -> int:
    return int(hashlib.sha256(path.encode()).hexdigest(), 16) % 4


def _features(modality: str, path: str, many_lengths: bool) -> np.ndarray:
    shape = SHAPES[modality]
    if many_lengths and modality != "video":
        shape = (2 + int(hashlib.sha256(path.encode()).hexdigest(), 16) % 11, shape[1])
    noise = np.random.default_rng(int(hashlib.sha256(path.encode()).hexdigest()[:8], 16)).normal(size=shape)
    noise[..., _colour(path)] += 4.0  # the answer can be seen
    return noise.astype(np.float16)


def _question(modality: str, path: str) -> dict:
    row = {
        "id": f"q-{path}",
        modality: [path],
        "kind": f"{modality}/colour",
        "choices": list(COLOURS),
        "messages": [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": COLOURS[_colour(path)]}],
    }
    return row | ({"audio": []} if modality == "video" else {})


def _text_question(number: int) -> dict:
    words = " ".join(COLOURS[(number >> shift) % 4] for shift in range(0, 2 + number % 5))
    messages = [{"role": "user", "content": f"Say {words}"}, {"role": "assistant", "content": words}]
    return {"id": f"t-{number}", "kind": "text/say", "messages": messages}


def seconds_of(path: str) -> float:
    """Duration of an audio file of a world with `audio_padding`."""
    return 0.3 + int(hashlib.sha256(path.encode()).hexdigest(), 16) % 27 / 10


def _make_store(folder: Path, media: dict[str, list[str]], many_lengths: bool, audio_padding: str) -> None:
    folder.mkdir(parents=True)
    fingerprints = dict(FINGERPRINTS)
    if audio_padding:
        fingerprints["audio"] = FINGERPRINTS["audio"] | {"preprocessing": PADDED}
    if audio_padding == "drop":
        fingerprints["audio"] |= {"audio_padding": "drop"}
    rows: list[dict] = []
    for modality, paths in media.items():
        arrays = {"null": np.zeros(SHAPES[modality], np.float16)}
        arrays |= {_key(path): _features(modality, path, many_lengths) for path in paths}
        if modality == "audio" and audio_padding == "drop":
            arrays |= {_key(path): arrays[_key(path)][: math.ceil(2 * seconds_of(path))] for path in paths}
        shard = f"{modality}-000000.tar"
        samples = ({"__key__": key, "npy": array, "json": {"sha256": key}} for key, array in arrays.items())
        written = write_shard(folder / shard, samples)
        for path, key in [("", "null"), *((path, _key(path)) for path in paths)]:
            member = written.members[f"{key}.npy"]
            meta = {"seconds": seconds_of(path)} if modality == "audio" and audio_padding and path else {}
            place = {"shard": shard, "offset": member.offset, "bytes": member.nbytes, "meta": meta}
            array = {"shape": list(arrays[key].shape), "dtype": "float16"}
            rows.append({"path": path, "key": key, "modality": modality, **place, **array})
        rows.append({"shard": shard, "bytes": written.nbytes, "sha256": written.sha256, "items": len(arrays)})
    (folder / "store.json").write_text(json.dumps({"format_version": 1, "fingerprints": fingerprints}))
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _key(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()[:32]
