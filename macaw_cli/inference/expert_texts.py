"""The experts of a trained model: found where its encoders are, proved to be the same, asked about attached files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import InputError, MismatchError
from macaw_cli.config.experts.table import TABLE
from macaw_cli.config.loading import Workspace
from macaw_cli.config.named_designs import saved_design
from macaw_cli.experts.expert import FileExpert, Surroundings
from macaw_cli.experts.loading import load_expert
from macaw_cli.inference.file_reading import Reader
from macaw_cli.media.decoding import Decoded, Request
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
        self._loaded: dict[str, FileExpert[Any]] = {}

    @classmethod
    def of(cls, config: Any, folder: Path, workspace: Workspace, device: str) -> "ModelExperts | None":
        """Those of a model; None where it reads no texts. Arguments and errors as in the constructor."""
        return cls(config, folder, workspace, device) if config.expert_texts else None

    @property
    def described(self) -> frozenset[Modality]:
        """What they describe."""
        return frozenset(name for one in self._described for name in one["modalities"])

    @property
    def modalities(self) -> frozenset[Modality]:
        """What they describe, alone or inside a file."""
        own = self.described
        return frozenset(name for name, row in MODALITY_TABLE.items() if own & {name, *row.contains})

    @property
    def sources(self) -> dict[str, str]:
        """The folder or hub id of each expert's model, by the expert's name; without those that have none.

        Raises:
            InputError: one is not found.
        """
        named = {one["name"]: str(one["options"].get("model") or "") for one in self._described}
        found = {name: self._source(name, model) for name, model in named.items()}
        return {name: source for name, source in found.items() if source}

    def decodings(self, modality: Modality) -> dict[Reader, Request]:
        """What has to be decoded of a file for each expert that describes it: of a video, of its soundtrack as well.

        Raises:
            InputError: an expert's model is not found.
            MismatchError: an expert's model is not the one of the training.
        """
        return {
            (one["name"], name): self._expert(one["name"]).decoding(name)
            for name in (modality, *MODALITY_TABLE[modality].contains)
            for one in self._described if name in one["modalities"]
        }  # fmt: skip

    def text(self, reader: Reader, decoded: Decoded) -> str:
        """What one expert says of what was decoded for it."""
        name, modality = reader
        expert = self._expert(name)
        return expert.said(expert.text_of(decoded, modality), modality)

    def together(self, texts: Mapping[Reader, str]) -> dict[Modality, str]:
        """What the model reads of a file, by modality: the texts of its experts in their order."""
        found: dict[Modality, list[str]] = {}
        for one in self._described:
            for modality in one["modalities"]:
                if (one["name"], modality) in texts:
                    found.setdefault(modality, []).append(texts[one["name"], modality])
        return {modality: self._use.text(said) for modality, said in found.items()}

    def _expert(self, name: str) -> FileExpert[Any]:
        if name not in self._loaded:
            saved = next(one for one in self._described if one["name"] == name)
            made = saved["fingerprint"]
            surroundings = Surroundings(
                self._source(name, str(saved["options"].get("model", ""))), self._device,
                int(made.get("frames") or 6), list(made.get("labels") or ()),
            )  # fmt: skip
            expert = load_expert(self._settings[name], surroundings)
            assert isinstance(expert, FileExpert)  # those of datasets alone were refused
            _require_same(name, expert.fingerprint, made, self._folder)
            self._loaded[name] = expert
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
