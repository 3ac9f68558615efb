"""Model folders: of macaw, of LLMs and encoders, of published checkpoints."""

import json
import struct

import torch
from formats import Format, clear
from safetensors.torch import save_file
from test_published import CONFIG, Published
from tiny_checkpoints import bert_tokenizer
from tiny_macaw import byte_tokenizer, make_models
from transformers import AutoConfig

from macaw_cli.config.bridges.designs import design
from macaw_cli.config.feature_settings import EncoderSettings
from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
from macaw_cli.encoders.pretrained import load_causal_lm, load_config, load_tokenizer
from macaw_cli.export.importing.published.run import load_published
from macaw_cli.export.weight_files import read_weights
from macaw_cli.inspection.models import describe_model, verify_model
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.folder import load_model, save_model
from macaw_cli.model.instruction_tokenizer import saved_tokenizer
from macaw_cli.model.modeling import MacawForConditionalGeneration
from macaw_cli.model.processing import MacawProcessor


def a_model(folder):
    config = {"model_type": "macaw", "format_version": 2, "bridge": {"name": "mlp", "layers": 2},
              "views": {"image": {"pool": 2, "trim": True}}, "text_config": {"model_type": "llama", "hidden_size": 8},
              "feature_shapes": {"image": [4, 8]}, "encoders": {"image": {"model": "clip"}},
              "fingerprints": {"image": {"model": "clip"}}}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    header = json.dumps({"bridges.image.w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
    proof = {"largest_difference": 1e-7, "limit": 1e-5}
    report = {"macaw": "0.1.0", "proof": proof, "files": {"config.json": "ab" * 32}}
    (folder / "export_report.json").write_text(json.dumps(report))


def inspect_model(folder):
    describe_model(folder).show()
    list(verify_model(folder))


def a_tiny_model(folder):
    make_models(folder / "models")
    encoders = {"image": EncoderSettings(model="../models/clip"), "audio": EncoderSettings(model="../models/whisper")}
    llm, shapes = AutoConfig.from_pretrained(folder / "models/llm"), {"image": [4, 8], "audio": [6, 8]}
    config = MacawConfig.for_llm(llm, design("mlp", layers=2), shapes, encoders, {"image": {"model": "clip"}})
    model = MacawForConditionalGeneration.build(config, str(folder / "models/llm")).eval()
    save_model(model, MacawProcessor(byte_tokenizer(), config), folder / "model")


def use_model(folder):
    model, processor = load_model(folder / "model")
    config = model.config
    for modality in config.modalities:
        config.encoder_settings(modality), config.raw_view(modality), config.bridge_settings(modality)
    features = [torch.zeros(config.feature_shapes["image"])] if "image" in config.feature_shapes else None
    inputs = processor("What is it?", image_features=features)
    model.generate(**inputs, max_new_tokens=2)


def a_model_with_a_bridge_tokenizer(folder):
    a_tiny_model(folder)
    _, processor = load_model(folder / "model")
    asked, llm = bert_tokenizer(), AutoConfig.from_pretrained(folder / "models/llm")
    bridge = design("q-former", layers=1, tokens=2, instruction=True, vocabulary=len(asked))
    config = MacawConfig.for_llm(llm, bridge, {"image": [4, 8]})
    config.instruction_tokenizers = {"image": saved_tokenizer(asked, 512)}
    model = MacawForConditionalGeneration(config).eval()
    save_model(model, MacawProcessor(processor.tokenizer, config), folder / "model")


def use_llm(folder):
    clear(lambda: load_tokenizer(folder / "models/llm")("a b"))
    config = load_config(folder / "models/llm")
    load_causal_lm(folder / "models/llm", dtype=config.dtype)


def use_encoders(folder):
    for name, load in (("clip", load_image_encoder), ("whisper", load_audio_encoder)):
        clear(lambda name=name, load=load: load(EncoderSettings(model=name), str(folder / "models" / name), "cpu"))


def published(folder):
    torch.manual_seed(0)
    weights = {name: tensor.clone() for name, tensor in Published().state_dict().items()}
    save_file(weights, folder / "w.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    names = sorted(weights)
    parts = {f"pytorch_model-0000{at + 1}-of-00002.bin": names[at::2] for at in range(2)}
    for file, part in parts.items():
        torch.save({name: weights[name] for name in part}, folder / file)
    index = {"weight_map": {name: file for file, part in parts.items() for name in part}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))


def import_it(folder):
    clear(lambda: read_weights(folder / "pytorch_model.bin.index.json"))
    load_published(folder / "w.safetensors", folder / "config.json")


_OWN = ("config.json", "generation_config.json", "processor_config.json", "tokenizer_config.json", "model.safetensors")
_LLM = ("config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json", "model.safetensors")
FORMATS = {
    "model, inspected": Format(a_model, ["config.json", "model.safetensors", "export_report.json"], inspect_model),
    "model, loaded": Format(a_tiny_model, [f"model/{name}" for name in _OWN], use_model, 0.5),
    "model with a tokenizer of a bridge": Format(
        a_model_with_a_bridge_tokenizer, ["model/image_instruction_tokenizer.json"], use_model, 0.5),
    "LLM": Format(a_tiny_model, [f"models/llm/{name}" for name in _LLM], use_llm, 0.5),
    "encoders": Format(
        a_tiny_model, [f"models/{name}" for name in (
            "clip/config.json", "clip/preprocessor_config.json", "clip/model.safetensors", "whisper/config.json",
            "whisper/preprocessor_config.json")], use_encoders, 0.5),
    "published weights": Format(
        published, ["w.safetensors", "config.json", "pytorch_model.bin.index.json",
                    "pytorch_model-00001-of-00002.bin"], import_it, 0.5),
}  # fmt: skip
