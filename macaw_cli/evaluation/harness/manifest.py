"""What lmms-eval is told of macaw: the entry point `macaw` of the group `lmms_eval.models`."""

from typing import Any

_CLASSES = "macaw_cli.evaluation.harness.lmms_eval_models"


def macaw_models() -> Any:
    """The manifest of the model `macaw`: tasks of messages, and, with `--force_simple`, of texts and likelihoods."""
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest("macaw", simple_class_path=f"{_CLASSES}.MacawSimple", chat_class_path=f"{_CLASSES}.MacawChat")
