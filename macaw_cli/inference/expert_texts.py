"""The experts of a trained model: found where its encoders are, proved to be the same, asked about attached files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.config.experts.table import TABLE
from macaw_cli.config.loading import Workspace
from macaw_cli.config.named_designs import saved_design
from macaw_cli.experts.expert import Expert, Medium, Surroundings
from macaw_cli.experts.loading import load_expert
from macaw_cli.modalities.table import ENCODER_OF, Modality
from macaw_cli.modalities.table import TABLE as MODALITY_TABLE
from macaw_cli.model.expert_texts import use_of_config


class ModelExperts:
    """What the experts of a model say of files. Each expert is loaded when it is first needed.

    Args:
        config: the model's configuration, which names experts.
        folder: the model folder, from which the paths of their models are meant.
        workspace: where they are looked for next.
        device: where they run.

    Raises:
        InputError: an expert describes the media of a dataset alone.
        MismatchError: this macaw does not know an expert.
    """

    def __init__(self, config: Any, folder: Path, workspace: Workspace, device: str) -> None:
        self._folder, self._workspace, self._device = folder, workspace, device
        self._described: list[dict[str, Any]] = config.expert_texts["experts"]
        self._use = use_of_config(config)
        for one in self._described:
            if one["name"] in TABLE and not TABLE[one["name"]].at_inference:
                raise InputError(
                    f"The model in {folder} reads texts of the expert {one['name']}, which describes the media of a "
                    "dataset and no others.",
                    "Evaluate it on a dataset with `macaw evaluate`, or train a model with other experts.",
                )
        self._settings = {
            one["name"]: saved_design("expert", one["name"], one["options"], _designs()) for one in self._described
        }
        self._loaded: dict[str, Expert[Any]] = {}

    @classmethod
    def of(cls, config: Any, folder: Path, workspace: Workspace, device: str) -> "ModelExperts | None":
        """Those of a model; None where it reads no texts. Arguments and errors as in the constructor."""
        return cls(config, folder, workspace, device) if config.expert_texts else None

    @property
    def modalities(self) -> frozenset[Modality]:
        """What they describe, alone or inside a file."""
        own = {name for one in self._described for name in one["modalities"]}
        return frozenset(name for name, row in MODALITY_TABLE.items() if own & {name, *row.contains})

    def inside(self, path: Path, modality: Modality) -> list[Modality]:
        """What a file of a modality holds: that, and the soundtrack of a video that has one."""
        from macaw_cli.media.containers import has_audio

        others = [name for name in MODALITY_TABLE[modality].contains if name == "audio" and has_audio(path)]
        return [modality, *others]

    def texts(self, path: Path, modality: Modality) -> dict[Modality, str]:
        """What the experts say of a file, by modality: of a video, of its frames and of its soundtrack.

        Raises:
            InputError: the file cannot be used, or an expert's model is not found.
            MismatchError: an expert's model is not the one of the training.
        """
        found: dict[Modality, str] = {}
        for name in self.inside(path, modality):
            medium = Medium(name, "", lambda: path)
            experts = [one["name"] for one in self._described if name in one["modalities"]]
            try:
                texts = [self._expert(one).said(self._expert(one).text(medium), name) for one in experts]
            except InputError:
                if name == modality:
                    raise
                continue  # a video whose soundtrack is broken is still a video
            if texts:
                found[name] = self._use.text(texts)
        return found

    def _expert(self, name: str) -> Expert[Any]:
        if name not in self._loaded:
            saved = next(one for one in self._described if one["name"] == name)
            made = saved["fingerprint"]
            surroundings = Surroundings(
                self._source(name, str(saved["options"].get("model", ""))), self._device,
                int(made.get("frames") or 6), list(made.get("labels") or ()),
            )  # fmt: skip
            self._loaded[name] = load_expert(self._settings[name], surroundings)
            _require_same(name, self._loaded[name].fingerprint, made, self._folder)
        return self._loaded[name]

    def _source(self, name: str, model: str) -> str:
        """Where an expert's model is: relative to the model folder, to the workspace, or on the hub; empty for none."""
        if not model:
            return ""
        role = ENCODER_OF[TABLE[name].modalities[0]]
        own = self._workspace.settings.features.encoder_of(role).model
        places = [self._folder / model, self._workspace.path(model), *([self._workspace.path(own)] if own else [])]
        found = next((place for place in places if (place / "config.json").is_file()), None)
        if found is None and (model.startswith((".", "/", "~")) or model.count("/") > 1):
            raise InputError(
                f"The model of the expert {name} is not at {self._folder / model}.",
                f"Put it back, or correct its path in {self._folder / 'config.json'}.",
            )
        return str(found or model)


def _designs() -> Mapping[str, Any]:
    return {name: row.settings for name, row in TABLE.items()}


def _require_same(name: str, found: Mapping[str, Any], trained: Mapping[str, Any], folder: Path) -> None:
    """Refuse another expert than that of the training.

    Raises:
        MismatchError: with what differs.
    """
    differing = [key for key in {**trained, **found} if trained.get(key) != found.get(key)]
    if differing:
        raise MismatchError(
            f"The model in {folder} was trained with another expert {name} than the one that is found: "
            f"{', '.join(differing)} differ.",
            "Put the expert's model of the training back.",
        )
