"""Tiny checkpoints of the families that can be imported: random weights in stock classes, saved as published ones."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

import macaw_cli.quickstart
from macaw_cli.encoders.source import quiet_transformers

LLAMA = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
TOWER = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 2}
TOKENIZER = Path(macaw_cli.quickstart.__file__).parent / "pretrained" / "llama"


def tokenizer(*tokens):
    """That of the quickstart's LLM, with further special tokens, and without its chat template."""
    from transformers import AutoTokenizer

    made = AutoTokenizer.from_pretrained(TOKENIZER)
    made.add_special_tokens({"additional_special_tokens": list(tokens)})
    made.chat_template = None
    return made


def randomised(model, seed=0):
    """All weights away from their initial values: norms are no ones, biases are no zeros."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.1 * noise if parameter.dim() == 1 and "norm" in name else 0.15 * noise)
    return model.eval()


def save(folder, *parts):
    """Write a model and its processor."""
    with quiet_transformers():
        for part in parts:
            part.save_pretrained(folder)
    return folder


def image(seed=0, size=(40, 50)):
    """An image of noise."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8))


def llama(words, **options):
    """Configuration of an LLM with three more rows than the tokenizer has tokens, as published ones are padded."""
    from transformers import LlamaConfig

    ends = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id}
    return LlamaConfig(**LLAMA, vocab_size=len(words) + 3, **ends, **options)


def llava(folder, tower="clip", text=None, **options):
    """`LlavaForConditionalGeneration` over CLIP or SigLIP."""
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        SiglipVisionConfig,
    )

    words = tokenizer("<image>")
    kind = CLIPVisionConfig if tower == "clip" else SiglipVisionConfig
    config = LlavaConfig(
        vision_config=kind(**TOWER, image_size=32, patch_size=8), text_config=llama(words, **(text or {})),
        image_token_index=words.convert_tokens_to_ids("<image>"), **options,
    )  # fmt: skip
    model = randomised(LlavaForConditionalGeneration(config))
    pixels = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = LlavaProcessor(
        pixels, words, patch_size=8, vision_feature_select_strategy=config.vision_feature_select_strategy,
        num_additional_image_tokens=int(tower == "clip"),
    )  # fmt: skip
    save(folder, model, processor)
    return model, processor


def idefics3(folder, **text):
    """`Idefics3ForConditionalGeneration`; its processor does not split images."""
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessorPil,
        Idefics3Processor,
        Idefics3VisionConfig,
    )

    words = tokenizer("<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>")
    config = Idefics3Config(
        vision_config=Idefics3VisionConfig(**TOWER, image_size=32, patch_size=8), text_config=llama(words, **text),
        scale_factor=2, image_token_id=words.convert_tokens_to_ids("<image>"), pad_token_id=0,
        tie_word_embeddings=text.get("tie_word_embeddings", False),
    )  # fmt: skip
    model = randomised(Idefics3ForConditionalGeneration(config))
    pixels = Idefics3ImageProcessorPil(size={"longest_edge": 128}, max_image_size={"longest_edge": 32})
    processor = Idefics3Processor(pixels, words, image_seq_len=4)
    save(folder, model, processor)
    return model, processor


def blip2(folder):
    """`Blip2ForConditionalGeneration` with OPT."""
    from transformers import (
        Blip2Config,
        Blip2ForConditionalGeneration,
        Blip2Processor,
        Blip2QFormerConfig,
        Blip2VisionConfig,
        BlipImageProcessorPil,
        OPTConfig,
    )

    words = tokenizer("<image>")
    text = OPTConfig(
        vocab_size=len(words) + 3, hidden_size=32, ffn_dim=48, num_hidden_layers=2, num_attention_heads=4,
        word_embed_proj_dim=32, max_position_embeddings=128, bos_token_id=words.bos_token_id,
    )  # fmt: skip
    former = Blip2QFormerConfig(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24, encoder_hidden_size=24
    )
    config = Blip2Config(
        vision_config=Blip2VisionConfig(**TOWER, image_size=32, patch_size=8), qformer_config=former, text_config=text,
        num_query_tokens=5, image_token_index=words.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    model = randomised(Blip2ForConditionalGeneration(config))
    pixels = BlipImageProcessorPil(size={"height": 32, "width": 32})
    processor = Blip2Processor(pixels, words, num_query_tokens=5)
    save(folder, model, processor)
    return model, processor


WORDPIECES = [*"abcdefghijklmnopqrstuvwxyz0123456789?.,!'", "what", "is", "it", "how", "many", "the", "noise", "##s"]


def bert_tokenizer():
    """A tokenizer of BERT's form over a few words, letters and letters within words, as of a published Q-Former."""
    from transformers import BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDPIECES, *(f"##{one}" for one in WORDPIECES[:36])]
    rows = {word: number for number, word in enumerate(dict.fromkeys(words))}
    made = BertTokenizer(vocab=rows, do_lower_case=True, truncation_side="left")
    made.add_special_tokens({"bos_token": "[DEC]"})
    return made


def instructblip(folder, text=None, **former):
    """`InstructBlipForConditionalGeneration` with a Llama, as with Vicuna."""
    from transformers import (
        BlipImageProcessorPil,
        InstructBlipConfig,
        InstructBlipForConditionalGeneration,
        InstructBlipProcessor,
        InstructBlipQFormerConfig,
        InstructBlipVisionConfig,
    )

    words, asked = tokenizer("<image>"), bert_tokenizer()
    former = InstructBlipQFormerConfig(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24, encoder_hidden_size=24,
        vocab_size=len(asked), **former,
    )  # fmt: skip
    config = InstructBlipConfig(
        vision_config=InstructBlipVisionConfig(**TOWER, image_size=32, patch_size=8), qformer_config=former,
        text_config=text or llama(words), num_query_tokens=5, image_token_index=words.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    model = randomised(InstructBlipForConditionalGeneration(config))
    pixels = BlipImageProcessorPil(size={"height": 32, "width": 32})
    processor = InstructBlipProcessor(pixels, words, asked, num_query_tokens=5)
    save(folder, model, processor)
    return model, processor


def waveform(seconds, seed=0):
    """Noise at 16 kHz."""
    return np.random.default_rng(seed).standard_normal(round(16000 * seconds)).astype(np.float32) * 0.1


def qwen2_audio(folder):
    """`Qwen2AudioForConditionalGeneration`; its window is 2 s long."""
    from transformers import (
        Qwen2AudioConfig,
        Qwen2AudioEncoderConfig,
        Qwen2AudioForConditionalGeneration,
        Qwen2AudioProcessor,
        Qwen2Config,
        WhisperFeatureExtractor,
    )

    words = tokenizer("<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>", "<|im_start|>", "<|im_end|>")
    tower = Qwen2AudioEncoderConfig(
        d_model=24, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=40, max_source_positions=100,
        num_mel_bins=16,
    )  # fmt: skip
    text = Qwen2Config(**LLAMA, num_key_value_heads=2, vocab_size=len(words) + 3)
    token = words.convert_tokens_to_ids("<|AUDIO|>")
    config = Qwen2AudioConfig(audio_config=tower, text_config=text, audio_token_index=token)
    model = randomised(Qwen2AudioForConditionalGeneration(config))
    processor = Qwen2AudioProcessor(WhisperFeatureExtractor(feature_size=16, chunk_length=2), words)
    save(folder, model, processor)
    return model, processor


def rms_norm(values, weight):
    """As in Llama."""
    return values * torch.rsqrt(values.pow(2).mean(-1, keepdim=True) + 1e-6) * weight


class Ultravox:
    """The published computation, from stock parts: `encoder` and `llm` are of transformers."""

    def __init__(self, words, *, in_middle):
        from transformers import LlamaForCausalLM, WhisperConfig
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        sizes = {"d_model": 24, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 40}
        self.audio_config = WhisperConfig(**sizes, max_source_positions=100, num_mel_bins=16)
        self.encoder = randomised(WhisperEncoder(self.audio_config))
        self.llm = randomised(LlamaForCausalLM(llama(words)), 1)
        generator = torch.Generator().manual_seed(2)
        shapes = {"ln_pre": (96,), "linear_1": (20, 96), "linear_2": (32, 10)}
        shapes["ln_mid" if in_middle else "ln_post"] = (10,) if in_middle else (32,)
        self.projector = {name: torch.randn(shape, generator=generator) * 0.3 for name, shape in shapes.items()}

    def soft_tokens(self, mel):
        """(mel bins, steps) to (tokens, 32): the encoder's windows are as long as the audio."""
        import copy

        encoder = copy.deepcopy(self.encoder)
        positions = (mel.shape[-1] + 1) // 2
        encoder.embed_positions.weight.data = encoder.embed_positions.weight.data[:positions]
        encoder.embed_positions.num_embeddings, encoder.config.max_source_positions = positions, positions
        assert mel.shape[-1] % 2 == 0, "the stock class takes whole windows only"
        frames = encoder(mel[None]).last_hidden_state[0]
        frames = torch.nn.functional.pad(frames, (0, 0, 0, -len(frames) % 4)).reshape(-1, 96)
        weights = self.projector
        kept, gate = (rms_norm(frames, weights["ln_pre"]) @ weights["linear_1"].T).chunk(2, dim=-1)
        hidden = kept * torch.nn.functional.silu(gate)
        hidden = rms_norm(hidden, weights["ln_mid"]) if "ln_mid" in weights else hidden
        hidden = hidden @ weights["linear_2"].T
        return rms_norm(hidden, weights["ln_post"]) if "ln_post" in weights else hidden


def ultravox(folder, *, in_middle=True, whole=True):
    """A folder as published; with `whole` it holds the encoder and the LLM, else it names those beside it."""
    import json

    from safetensors.torch import save_file
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    words = tokenizer()
    model = Ultravox(words, in_middle=in_middle)
    save(folder, words)
    weights = {f"multi_modal_projector.{name}.weight": tensor for name, tensor in model.projector.items()}
    said = {"model_type": "ultravox", "stack_factor": 4, "hidden_size": 20, "projector_act": "swiglu",
            "projector_ln_mid": in_middle, "auto_map": {"AutoModel": "ultravox_model.UltravoxModel"}}  # fmt: skip
    if whole:
        said |= {"audio_config": model.audio_config.to_dict(), "text_config": model.llm.config.to_dict()}
        weights |= {f"audio_tower.{name}": tensor for name, tensor in model.encoder.state_dict().items()}
        weights |= {f"language_model.{name}": tensor for name, tensor in model.llm.state_dict().items()}
    else:
        said |= {"audio_model_id": str(folder / "../whisper"), "text_model_id": str(folder / "../llm")}
        plain = model.audio_config.to_dict() | {"decoder_layers": 1, "decoder_attention_heads": 2, "vocab_size": 60,
                                                "decoder_ffn_dim": 16, "pad_token_id": 0, "bos_token_id": 1,
                                                "eos_token_id": 2, "decoder_start_token_id": 1}  # fmt: skip
        whisper = WhisperForConditionalGeneration(WhisperConfig(**plain))
        whisper.model.encoder.load_state_dict(model.encoder.state_dict())
        save(folder / "../whisper", whisper)
        save(folder / "../llm", model.llm)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(said))
    return model, words
