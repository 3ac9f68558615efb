"""The families by name, and which one a folder belongs to."""

from macaw_cli.basics.named_objects import named_object
from macaw_cli.export.families.family import Family

FAMILIES = {
    "blip2": "macaw_cli.export.families.blip2:Blip2",
    "gemma3": "macaw_cli.export.families.gemma3:Gemma3",
    "glm-asr": "macaw_cli.export.families.glm_asr:GlmAsr",
    "idefics3": "macaw_cli.export.families.idefics3:Idefics3",
    "instructblip": "macaw_cli.export.families.instructblip:InstructBlip",
    "internvl": "macaw_cli.export.families.internvl:InternVL",
    "llava": "macaw_cli.export.families.llava:Llava",
    "qwen2-audio": "macaw_cli.export.families.qwen2_audio:Qwen2Audio",
    "ultravox": "macaw_cli.export.families.ultravox:Ultravox",
    "voxtral": "macaw_cli.export.families.voxtral:Voxtral",
}
"""What `--from` takes besides `macaw`, to the class that serves it, imported on use."""


def family(name: str) -> type[Family]:
    """The class behind a name of `FAMILIES`."""
    found: type[Family] = named_object(FAMILIES[name])
    return found


def family_of(model_type: str) -> type[Family] | None:
    """The family whose checkpoints have this `model_type`; None for others."""
    return next((kind for kind in map(family, FAMILIES) if model_type in kind.model_types), None)
