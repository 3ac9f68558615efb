"""The presets by name, and the recipe of one, how it bridges and trains, laid over other settings."""

from pathlib import Path
from typing import Any, Literal

Preset = Literal[
    "small", "lora", "modern", "llava", "paper", "minigpt4", "blip2", "instructblip", "onellm", "flamingo",
    "llama-adapter-v2", "lavin", "xcomposer1", "xcomposer2", "frozen", "align-only", "quickstart",
]  # fmt: skip
FOLDER = Path(__file__).parent / "presets"
GPUS: dict[Preset, int] = {
    "lora": 1, "modern": 8, "llava": 8, "paper": 8, "minigpt4": 4, "blip2": 8, "instructblip": 8, "onellm": 8,
    "flamingo": 8, "llama-adapter-v2": 8, "lavin": 8, "xcomposer1": 8, "xcomposer2": 8, "frozen": 1, "align-only": 1,
}  # fmt: skip
"""How many GPUs a preset is written for."""
KEPT = (
    "runs", "name", "datasets", "device", "keep_checkpoints", "log_every", "trackers", "report",
)  # fmt: skip
"""Keys of `training` that say where a workspace trains, on what, and what it keeps and tells. A recipe leaves them as
they are; every other key changes the training, so the recipe's value holds, or the default."""


def lay_recipe_over(tree: dict[str, Any], preset: Preset) -> None:
    """Put a preset's recipe, how it bridges and trains, over the plain values of a `macaw.yaml`.

    Its `bridge`, `injection` and `training` replace the tree's: the result is the recipe, whatever stages, adapter or
    fields of another bridge the workspace has. Only the keys in `KEPT` stay. The `llm` comes in where there is none.

    Args:
        tree: what the YAML held; changed.
        preset: which one.
    """
    import yaml

    recipe = yaml.safe_load((FOLDER / f"{preset}.yaml").read_text(encoding="utf-8"))
    own = tree.get("training")
    kept = {key: own[key] for key in KEPT if key in own} if isinstance(own, dict) else {}
    tree["training"] = {**kept, **recipe["training"]}
    tree["bridge"] = recipe["bridge"]
    tree["injection"] = recipe.get("injection", "none")
    tree["llm"] = tree.get("llm") or recipe["llm"]
