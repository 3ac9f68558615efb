"""Contrastive pretraining of the tiny CLIP on captioned pictures; its vision tower is what ships."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPModel, CLIPVisionModelWithProjection
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from macaw_cli.quickstart.images import SIZE
from macaw_cli.quickstart.pretraining.loop import fit
from macaw_cli.quickstart.pretraining.samples import SEED, captioned_images
from macaw_cli.quickstart.pretraining.vocabulary import caption_tokenizer

IMAGES = 30_000
BATCH = 64
STEPS = 3000
LEARNING_RATE = 2e-3
WIDTH = 64


def image_processor() -> Any:
    """The processor of the tiny CLIP: 64 x 64 pixels, CLIP's own mean and deviation."""
    return CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE})


def pretrain_clip(folder: Path, *, steps: int = STEPS, count: int = IMAGES) -> CLIPVisionModelWithProjection:
    """Pretrain the tiny CLIP and write its vision tower and image processor to `folder`."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng((SEED, 1))
    images, captions = zip(*captioned_images(count, rng), strict=True)
    distinct, caption_of = np.unique(np.array(captions), return_inverse=True)
    caption_of = caption_of.reshape(count, -1)
    tokenizer, processor = caption_tokenizer(distinct), image_processor()
    tokens = tokenizer(list(distinct), padding=True, return_tensors="pt", return_token_type_ids=False)
    pixels = np.stack([np.asarray(image) for image in images])
    model = CLIPModel(_config(tokenizer, tokens["input_ids"].shape[1]))
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (processor.image_mean, processor.image_std))

    def loss_of(step: int) -> Tensor:
        chosen = rng.integers(count, size=BATCH)
        batch = torch.from_numpy(pixels[chosen]).permute(0, 3, 1, 2).float()
        return contrastive_loss(model, (batch / 255 - mean) / deviation, tokens, torch.from_numpy(caption_of[chosen]))

    fit(model, loss_of, steps=steps, learning_rate=LEARNING_RATE, name="clip")
    tower = CLIPVisionModelWithProjection(model.config.vision_config)
    tower.load_state_dict({name: value for name, value in model.state_dict().items()
                           if name.startswith(("vision_model.", "visual_projection."))})
    tower.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return tower


def contrastive_loss(model: CLIPModel, pixels: Tensor, tokens: Mapping[str, Tensor], captions: Tensor) -> Tensor:
    """CLIP's loss over the batch, summed over the captions that each picture has.

    It is taken for the class token and, so that the patch tokens carry what the captions tell, for their mean as well.
    Equal captions count as one, and all their pictures are right.

    Args:
        model: the whole CLIP.
        pixels: (B, 3, H, W), normalised.
        tokens: all captions that there are, tokenised, (N, T) each.
        captions: (B, P), the numbers of the P captions of each picture.

    Returns:
        The scalar loss.
    """
    hidden = model.vision_model(pixels)
    summary = model.visual_projection(hidden.pooler_output)
    patches = model.visual_projection(hidden.last_hidden_state[:, 1:]).mean(dim=1)
    loss = torch.zeros(())
    for aspect in captions.unbind(dim=1):
        present, position = torch.unique(aspect, return_inverse=True)
        text = model.text_model(**{name: values[present] for name, values in tokens.items()}).pooler_output
        text = F.normalize(model.text_projection(text), dim=-1)
        right = F.one_hot(position, len(present)).float()
        for image in (summary, patches):
            logits = model.logit_scale.exp().clamp(max=100) * F.normalize(image, dim=-1) @ text.T
            loss = loss + F.cross_entropy(logits, position)
            loss = loss + F.cross_entropy(logits.T, (right / right.sum(dim=0)).T)
    return loss / (4 * captions.shape[1])


def _config(tokenizer: Any, longest: int) -> CLIPConfig:
    tower = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "num_attention_heads": 4, "projection_dim": WIDTH}
    text = {**tower, "num_hidden_layers": 2, "vocab_size": len(tokenizer), "max_position_embeddings": longest,
            "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id}
    vision = {**tower, "num_hidden_layers": 4, "image_size": SIZE, "patch_size": 8}
    return CLIPConfig(text_config=text, vision_config=vision, projection_dim=WIDTH)
