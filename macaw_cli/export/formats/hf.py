"""`hf`: a transformers folder for `MacawForConditionalGeneration`, with the encoders inside; takes every model."""

from pathlib import Path

from macaw_cli.basics.atomic_files import write_bytes, write_text
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import TEXT, Fields
from macaw_cli.basics.working_files import make_folder
from macaw_cli.config.exports.hf import HfExportSettings
from macaw_cli.export.carried_experts import FOLDER, carried_bytes, carry
from macaw_cli.export.formats.format import ExportFormat
from macaw_cli.export.model_card import figures_of, model_card
from macaw_cli.export.proving.exchange import answers_of_child
from macaw_cli.export.proving.proof import LIMITS, Proof, compare
from macaw_cli.export.source import ExportSource
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.folder import save_model

ADAPTER, ADAPTER_FILES = "adapter", ("adapter_config.json", "adapter_model.safetensors")
_CARRIED = f"{FOLDER}/"
_PAGE = """# The adapter of the training alone

The weights of the model beside this folder have it merged already. It belongs to the LLM before the training, {base}:

    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    llm = AutoModelForCausalLM.from_pretrained({base!r})
    llm = PeftModel.from_pretrained(llm, "adapter")

On weights that have it already it counts twice.
"""


class HfExport(ExportFormat[HfExportSettings]):
    """Everything of the model in one folder."""

    loader = "MacawForConditionalGeneration of macaw"
    takes = "every model"
    carries_experts = True

    def obstacles(self, config: MacawConfig) -> list[str]:
        """None."""
        del config
        return []

    def require_parts(self, folder: Path) -> None:
        """The adapter, where it is to be kept."""
        if self.settings.keep_adapters and not (folder / ADAPTER / ADAPTER_FILES[1]).is_file():
            raise InputError(f"{folder} has no {ADAPTER}: it was trained without one.", "Leave --keep-adapters out.")

    def write(self, source: ExportSource, folder: Path) -> None:
        """The model with its encoders, what prepares raw media for them, and the models of its experts."""
        processor = source.attach_encoders()
        if source.experts:
            config = source.model.config
            config.expert_texts = carry(config.expert_texts, source.experts.sources, folder)
        save_model(source.model, processor, folder / "model")
        for file in (folder / "model").iterdir():
            file.rename(folder / file.name)
        (folder / "model").rmdir()
        if self.settings.keep_adapters:
            _keep_adapter(source.folder / ADAPTER, folder / ADAPTER)

    def weight_bytes(self, source: ExportSource) -> int:
        """Those of the model with its encoders and the models of its experts."""
        return source.weight_bytes() + (carried_bytes(source.experts.sources) if source.experts else 0)

    def prove(self, source: ExportSource, folder: Path) -> Proof:
        """Logits and greedy tokens from raw media, by a process that has nothing but the folder."""
        answers = answers_of_child("macaw_cli.export.proving.own_answers", folder, source.examples)
        return compare(source.expected, answers, source.examples, LIMITS[source.dtype], self.loader)

    def card(self, source: ExportSource, name: str, proof: Proof) -> str:
        """README.md."""
        count = sum(parameter.numel() for parameter in source.model.parameters())
        return model_card(name, source.model.config, count, proof, figures_of(source.folder))

    def notes(self, source: ExportSource) -> list[str]:
        """What stands beside the model: an adapter, and the models of experts."""
        told = [f"experts/ has the model of {name}; its licence holds for it."
                for name, model in _carried(source) if model.startswith(_CARRIED)]  # fmt: skip
        told += [f"The model of {name} is looked for on the hub: {model}."
                 for name, model in _carried(source) if not model.startswith(_CARRIED)]  # fmt: skip
        if not self.settings.keep_adapters:
            return told
        base = _base_of(source.folder / ADAPTER)
        adapter = f"{ADAPTER}/ is for PEFT on {base}. On the model's own weights, which have it, it would count twice."
        return [*told, adapter]

    def next_command(self, folder: Path) -> list[str]:
        """It is a model of macaw's."""
        return ["chat", str(folder)]


def _carried(source: ExportSource) -> list[tuple[str, str]]:
    """Each expert that has a model, and what the export names as its model."""
    experts = source.model.config.expert_texts.get("experts", ())
    return [(one["name"], one["options"]["model"]) for one in experts if one["options"].get("model")]


def _keep_adapter(adapter: Path, target: Path) -> None:
    make_folder(target)
    for name in ADAPTER_FILES:
        write_bytes(target / name, (adapter / name).read_bytes())
    write_text(target / "README.md", _PAGE.format(base=_base_of(adapter)))


def _base_of(adapter: Path) -> str:
    """The LLM that an adapter belongs to, as its configuration calls it."""
    config = read_object(adapter / ADAPTER_FILES[0], Fields({}, {"base_model_name_or_path": TEXT}))
    return config.get("base_model_name_or_path") or "the LLM of the run"
