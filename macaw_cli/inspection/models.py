"""What is in a model folder: parameters per part, the bridge, the encoders; no weight is loaded."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.errors import DamagedError, InputError
from macaw_cli.basics.fingerprints import fingerprint, require_version
from macaw_cli.basics.shell_words import to_type
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import FLAG, NUMBER, OBJECT, SHAPE, TEXT, Fields, either, mapping_of
from macaw_cli.config.bridges.designs import bridge_in_words
from macaw_cli.inspection.description import Description, shape_text
from macaw_cli.inspection.exports import export_report, proof_line, verify_export
from macaw_cli.inspection.findings import Finding
from macaw_cli.modalities.table import ENCODER_OF, MODALITIES, ROLES
from macaw_cli.reports.tables import Table

MODEL_VERSION = 3
_NAMED = mapping_of(OBJECT)
_CONFIG = Fields(
    {},
    {"text_config": OBJECT, "bridge": either(TEXT, OBJECT), "views": mapping_of(mapping_of(either(NUMBER, FLAG))),
     "feature_shapes": mapping_of(SHAPE), "encoders": mapping_of(Fields({}, {"model": TEXT})), "fingerprints": _NAMED},
)  # fmt: skip
_PARTS = {
    "language_model": "LLM",
    "begin_end_embeddings": "begin_end_tokens",
    "image_encoder": "image encoder",
    "audio_encoder": "audio encoder",
}


def describe_model(folder: Path) -> Description:
    """Read the configuration and the headers of the weights.

    Raises:
        InputError: the folder holds no weights.
        MismatchError: a newer macaw wrote it.
        DamagedError: a weight file is cut.
    """
    config = read_object(folder / "config.json", OBJECT)
    require_version(config.get("format_version"), MODEL_VERSION, folder / "config.json")
    _CONFIG.checked(config, str(folder / "config.json"))
    files = _weight_files(folder)
    parts = _parameters([tensor for file in files for tensor in _tensors(file).items()])
    report = export_report(folder)
    facts = {
        "parameters": parts,
        "bytes": sum(file.stat().st_size for file in files),
        "bridge": config.get("bridge") or {},
        "views": config.get("views") or {},
        "llm": _llm(config),
        "modalities": _modalities(config),
        "encoders_inside": [role for role in ROLES if f"{role} encoder" in parts],
        "exported": report and {name: report[name] for name in ("macaw", "proof") if name in report},
    }
    return Description("exported model" if report else "model", str(folder), facts, _lines(facts), _tables(facts),
                       next_step=to_type("macaw", "chat", folder))  # fmt: skip


def verify_model(folder: Path) -> Iterator[Finding]:
    """Reread every file of an export against its recorded hash; elsewhere check that weight files are whole."""
    if export_report(folder):
        yield from verify_export(folder)
        return
    for file in _weight_files(folder):
        try:
            _tensors(file)
            yield Finding(file.name)
        except DamagedError as error:
            yield Finding(file.name, error.problem)


def _weight_files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise InputError(
            f"The model {folder} has no *.safetensors file.",
            "It was not saved completely. Save it again.",
        )
    return files


def _tensors(file: Path) -> dict[str, list[int]]:
    """Name to shape, from the header alone.

    Raises:
        DamagedError: the file is shorter or longer than its header says, or is no safetensors file.
    """
    try:
        with safe_open(file, "np") as content:
            return {name: content.get_slice(name).get_shape() for name in content.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise DamagedError(
            f"{file} is truncated or not a safetensors file ({error}).",
            "Restore it from a copy.",
        ) from None


def _parameters(tensors: list[tuple[str, list[int]]]) -> dict[str, int]:
    counted: dict[str, int] = defaultdict(int)
    for name, shape in tensors:
        first, _, rest = name.removeprefix("fusion.").partition(".")
        part = f"{rest.partition('.')[0]} bridge" if first == "bridges" else _PARTS.get(first, first)
        counted[part] += prod(shape)
    return dict(sorted(counted.items()))


def _llm(config: dict[str, Any]) -> dict[str, Any]:
    text = config.get("text_config") or {}
    names = ("model_type", "hidden_size", "num_hidden_layers", "vocab_size", "max_position_embeddings")
    return {name: text[name] for name in names if name in text}


def _modalities(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    shapes, encoders, prints = (config.get(key) or {} for key in ("feature_shapes", "encoders", "fingerprints"))
    return {
        name: {
            "feature_shape": shapes[name],
            "encoder": encoders.get(ENCODER_OF.get(name), {}).get("model") or "",
            "fingerprint": fingerprint(prints[name]) if name in prints else "",
        }
        for name in MODALITIES
        if name in shapes
    }


def _lines(facts: dict[str, Any]) -> dict[str, str]:
    bridge, llm, exported = facts["bridge"], facts["llm"], facts["exported"]
    lines = {
        "parameters": f"{sum(facts['parameters'].values()):,} in {human_bytes(facts['bytes'])}",
        "bridge": _bridge_line(bridge, facts["modalities"]),
        "llm": ", ".join(f"{name} {value}" for name, value in llm.items()),
        "views": "; ".join(f"{name}: {_view(view)}" for name, view in facts["views"].items()) or "none",
        "encoders inside": ", ".join(facts["encoders_inside"]) or "none; they are named by path or hub id",
    }
    if exported and (proof := exported.get("proof")):
        lines["proof"] = proof_line(proof)
    return lines


def _bridge_line(bridge: Any, modalities: Iterable[str]) -> str:
    """`mlp (layers 2, norm False)`; with a design per modality, `image: mlp (layers 2, ...); audio: ...`."""
    if not isinstance(bridge, dict):
        return bridge_in_words(bridge)
    own = {name: bridge[name] for name in modalities if isinstance(bridge.get(name), dict)}
    if own:
        return "; ".join(f"{name}: {_bridge_line(design, ())}" for name, design in own.items())
    options = ", ".join(f"{name} {value}" for name, value in bridge.items() if name != "name" and value is not None)
    return f"{bridge_in_words(bridge)} ({options})" if options else bridge_in_words(bridge)


def _view(fields: dict[str, Any]) -> str:
    """What it does; an operation that is left out is false or 1."""
    told = {name: value for name, value in fields.items() if value is True or value > 1}
    return ", ".join(name if value is True else f"{name} {value}" for name, value in told.items())


def _tables(facts: dict[str, Any]) -> list[Table]:
    media = [
        [name, shape_text(tuple(seen["feature_shape"])), seen["encoder"], seen["fingerprint"]]
        for name, seen in facts["modalities"].items()
    ]
    return [
        Table("Parameters", ["part", "count"], [[name, f"{count:,}"] for name, count in facts["parameters"].items()]),
        Table("Media", ["", "feature shape", "encoder", "encoder fingerprint"], media),
    ]
