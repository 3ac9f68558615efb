"""A tiny but whole workspace: encoders, LLM, media files and a model folder, all real, all random.

Imported by the conftest files of the rooms that need a finished model (`sys.path` holds this folder there).
"""

import string
import wave

import av
import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from macaw_cli.encoders.source import quiet_transformers

FRAMES = 3
SETTINGS = f"""\
version: 1
llm: models/llm
features:
  image_encoder: models/clip
  audio_encoder: models/whisper
  frames: {FRAMES}
chat:
  max_new_tokens: 12
"""


def byte_tokenizer():
    """One token per byte, so that every text can be written."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<s>": 0, "</s>": 1, **{letter: number + 2 for number, letter in enumerate(alphabet)}}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>")


def tiny_llm(tokenizer, seed=0, longest=768):
    """A Llama of two layers that writes nothing but letters: answers stay readable in a test's output."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=longest, initializer_range=0.5,
        bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    llm = LlamaForCausalLM(config).eval()
    letters = tokenizer.convert_tokens_to_ids(list(string.ascii_lowercase))
    silent = torch.ones(len(tokenizer), dtype=torch.bool)
    silent[letters] = False
    with torch.no_grad():
        llm.lm_head.weight[silent] = 0.0
    return llm


def make_models(folder):
    """`clip`, `whisper` and `llm`, each as its own library saves it."""
    torch.manual_seed(0)
    vision = CLIPVisionConfig(
        hidden_size=48, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8,
        projection_dim=24,
    )  # fmt: skip
    whisper = WhisperConfig(
        d_model=32, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=32, decoder_ffn_dim=32, max_source_positions=100, vocab_size=60, num_mel_bins=80,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, suppress_tokens=[],
        begin_suppress_tokens=[3],
    )  # fmt: skip
    tokenizer = byte_tokenizer()
    with quiet_transformers():
        CLIPVisionModelWithProjection(vision).save_pretrained(folder / "clip")
        CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(
            folder / "clip"
        )
        WhisperForConditionalGeneration(whisper).save_pretrained(folder / "whisper")
        WhisperFeatureExtractor(feature_size=80, chunk_length=2).save_pretrained(folder / "whisper")
        tiny_llm(tokenizer).save_pretrained(folder / "llm")
        tokenizer.save_pretrained(folder / "llm")


def make_media(folder):
    """`red.png`, `blue.png`, `beep.wav`, `video.mp4` with audio and `silent.mp4`."""
    folder.mkdir()
    Image.new("RGB", (40, 30), (255, 0, 0)).save(folder / "red.png")
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "blue.png")
    with wave.open(str(folder / "beep.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes((12_000 * np.sin(np.arange(16_000) / 4)).astype(np.int16).tobytes())
    make_video(folder / "film.mp4", with_audio=True)
    make_video(folder / "silent.mp4", with_audio=False)


def make_video(path, *, with_audio, audio_seconds=1):
    """One second of 8 frames, with or without a tone."""
    with av.open(str(path), "w") as out:
        frames = out.add_stream("mpeg4", rate=8)
        frames.width, frames.height, frames.pix_fmt = 64, 48, "yuv420p"
        tones = out.add_stream("aac", rate=16_000, layout="mono") if with_audio else None
        for number in range(8):
            pixels = np.full((48, 64, 3), 30 * number, np.uint8)
            out.mux(frames.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(frames.encode())
        if tones is not None:
            samples = np.sin(np.arange(16_000 * audio_seconds) / 5).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate = 16_000
            out.mux(tones.encode(frame))
            out.mux(tones.encode())


def make_model(
    root, name="tiny", *, bridge="linear", modalities=("image", "audio", "video"), template="alpaca",
    image_encoder="clip", audio_encoder="whisper", pool_frames=None, audio_windows=1,
    drop_padding=True, views=None, injection=None, image_settings=None, audio_settings=None, llm="llm",
):
    """A model folder `runs/NAME/model` of the workspace `root`, as a finished training leaves it."""
    from transformers import AutoConfig, AutoTokenizer

    from macaw_cli.config.bridges.designs import design
    from macaw_cli.config.feature_settings import EncoderSettings
    from macaw_cli.config.injections.none import NoInjectionSettings
    from macaw_cli.config.view_settings import ViewSettings
    from macaw_cli.encoders.loading import load_audio_encoder, load_image_encoder
    from macaw_cli.encoders.views import view_of
    from macaw_cli.features.encoding import Encoders
    from macaw_cli.model.configuration import MacawConfig
    from macaw_cli.model.folder import save_model
    from macaw_cli.model.modeling import MacawForConditionalGeneration
    from macaw_cli.model.processing import MacawProcessor

    encoders = {
        "image": EncoderSettings(model=f"../../../models/{image_encoder}", **(image_settings or {})),
        "audio": EncoderSettings(model=f"../../../models/{audio_encoder}", **(audio_settings or {})),
    }
    image = load_image_encoder(encoders["image"], str(root / "models" / image_encoder), "cpu")
    audio = load_audio_encoder(encoders["audio"], str(root / "models" / audio_encoder), "cpu")
    windows = {"audio_windows": audio_windows, "drop_padding": drop_padding}
    made = Encoders(image, audio, FRAMES, pool_frames=pool_frames, **windows)
    shapes = {name: made.shape(name) for name in modalities} | {"audio": audio.feature_shape}
    prints = made.fingerprints
    for modality in modalities if views else ():
        shapes[modality] = view_of(modality, views, prints[modality]).of_null.shape(shapes[modality], None)
    torch.manual_seed(3)
    config = MacawConfig.for_llm(
        AutoConfig.from_pretrained(root / "models" / llm), design(bridge) if isinstance(bridge, str) else bridge,
        {name: shapes[name] for name in modalities}, encoders, {name: prints[name] for name in modalities},
        views=views or ViewSettings(), injection=injection or NoInjectionSettings(),
    )  # fmt: skip
    model = MacawForConditionalGeneration.build(config, str(root / "models" / llm)).eval()
    if model.injection is not None:
        with torch.no_grad():
            for place, parameter in model.injection.named_parameters():
                if ".gates." in place:
                    parameter.fill_(0.5)
    folder = root / "runs" / name / "model"
    tokenizer = AutoTokenizer.from_pretrained(root / "models" / llm)
    save_model(model, MacawProcessor(tokenizer, config, template=template), folder)
    return folder


def make_workspace(root):
    """A workspace with a finished run called `tiny`."""
    (root / "macaw.yaml").write_text(SETTINGS)
    make_models(root / "models")
    make_media(root / "media")
    make_model(root)
    run = root / "runs" / "tiny"
    (run / "settings.yaml").write_text(SETTINGS)
    (run / "summary.json").write_text('{"version": 1, "steps": 3, "loss": 1.5}\n')
    return root
