"""ViT-MSN of transformers (`model_type: vit_msn`) as an image encoder of macaw."""

from transformers import ViTImageProcessorPil, ViTMSNModel

from macaw_cli.encoders.image_encoder import ImageEncoder
from macaw_cli.encoders.selection import Seen, image_features, tower_states


class VitMsnEncoder(ImageEncoder):
    """Images to (patches, hidden size)."""

    model_types = ("vit_msn",)

    @classmethod
    def module(cls, config):
        return ViTMSNModel

    @classmethod
    def usual_processor(cls, config):
        return ViTImageProcessorPil(size={"height": config.image_size, "width": config.image_size})

    @staticmethod
    def select(model, prepared, settings):
        states = tower_states(model, model.layernorm, settings, prepared)
        side = model.config.image_size // model.config.patch_size
        return image_features(Seen(states, (side, side), 1, model.layernorm), settings)
