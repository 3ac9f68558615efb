"""`onnx`: encoders and bridges as graphs, from media to the vectors that an LLM reads.

The LLM is not among them: `--format llm` writes it for programs that take embeddings.
"""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from macaw_cli.basics.atomic_files import write_json, write_text
from macaw_cli.basics.errors import MismatchError, MissingDependencyError
from macaw_cli.basics.extras import to_install
from macaw_cli.basics.working_files import make_folder
from macaw_cli.config.exports.onnx import OnnxExportSettings
from macaw_cli.encoders.audio_encoder import cut_windows
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.views import trimmed
from macaw_cli.export.formats.format import ExportFormat
from macaw_cli.export.onnx.folder import (
    BEGIN_END,
    PROCESSORS,
    SPEC_FILE,
    EncoderSpec,
    MediaSteps,
    spec_as_json,
    steps_of,
)
from macaw_cli.export.onnx.graphs import (
    FEATURES,
    INPUTS,
    LIMIT,
    SOFT_TOKENS,
    BridgeGraph,
    EncoderGraph,
    Graph,
    difference,
    write_graph,
)
from macaw_cli.export.proving.answers import Answer, answered_from_embeds, ends_of
from macaw_cli.export.proving.examples import ProofExample
from macaw_cli.export.proving.exchange import answers_of_child
from macaw_cli.export.proving.proof import LIMITS, Proof, compare
from macaw_cli.export.source import ExportSource
from macaw_cli.modalities.table import ENCODER_OF, EncoderRole, Modality
from macaw_cli.model.bridges.registry import bridge_class
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.media_embedder import why_not_elsewhere
from macaw_cli.model.text.surroundings import around_media

NEEDED = ("onnx", "onnxruntime", "onnxscript")


class OnnxExport(ExportFormat[OnnxExportSettings]):
    """One graph per encoder and one per bridge."""

    loader = "onnxruntime"
    takes = "encoders and bridges of models without an injection, where the bridge does not read the question"

    def obstacles(self, config: MacawConfig) -> list[str]:
        """What reaches into the LLM, or reads what is asked."""
        asking = [
            f"the bridge {config.bridge_settings(name).name} ({name}) reads the question, which a graph is not given"
            for name in config.modalities
            if "instruction" in bridge_class(config.bridge_settings(name).name).needed(config, name)
        ]
        return [*why_not_elsewhere(config), *asking]

    def require_parts(self, folder: Path) -> None:
        """Refuse to begin without the packages.

        Raises:
            MissingDependencyError: a package of the extra `onnx` is not installed.
        """
        if missing := [name for name in NEEDED if find_spec(name) is None]:
            raise MissingDependencyError(f"--format onnx needs {missing[0]}.", to_install("onnx"))

    def write(self, source: ExportSource, folder: Path) -> None:
        """The graphs, what they are, the encoders' preprocessing, and the begin and end tokens.

        Raises:
            MismatchError: an encoder or a bridge cannot be exported.
        """
        encoders = {role: self._encoder(source, role, name, folder) for role, name in source.encoder_roles().items()}
        bridges = {name: self._bridge(source, name, folder) for name in source.model.config.modalities}
        write_json(folder / SPEC_FILE, spec_as_json(encoders, bridges, source.model.config.embedding_size))
        _write_begin_end(source, folder)

    def _encoder(self, source: ExportSource, role: EncoderRole, modality: Modality, folder: Path) -> EncoderSpec:
        encoder = source.encoders.encoder(modality)
        processor = folder / PROCESSORS[role]
        make_folder(processor)
        write_text(processor / "preprocessor_config.json", encoder.processor.to_json_string())
        media = [_prepared(encoder, modality, medium) for medium in _media(source, modality)]
        alone = isinstance(media[0], list)
        singles = [one for prepared in media for one in prepared]
        shapes = {one.shape for one in singles}
        if alone:
            cases = [{INPUTS: one} for one in singles]
            names = {axis: f"size{axis}" for axis in range(singles[0].dim()) if len({s[axis] for s in shapes}) > 1}
        else:
            cases = [{INPUTS: torch.stack([singles[0]] * count)} for count in (2, 1, 3)]
            names = {0: "media"}
        graph = write_graph(
            EncoderGraph(encoder, alone=alone), folder / f"{role}_encoder.onnx", FEATURES, cases, {INPUTS: names}
        )
        if alone and not any(isinstance(size, str) for size in graph.inputs[INPUTS]):
            raise MismatchError(
                f"The {role} encoder takes media of sizes of their own, and an ONNX graph of it takes one size alone.",
                "Use --format hf or llm.",
            )
        config: Any = encoder.model.config
        return EncoderSpec(graph, config.model_type, alone)

    def _bridge(self, source: ExportSource, modality: Modality, folder: Path) -> tuple[Graph, MediaSteps]:
        module = bridge_graph(source, modality)
        features = [_trimmed(source, modality, medium) for medium in _media(source, modality)]
        *more, tokens, channels = features[0].shape
        least = module.bridge.smallest_input()[0]
        sizes = {max(least, tokens // 2), tokens + 3} if modality == "audio" or modality not in ENCODER_OF else {tokens}
        frames = [(), ()] if not more else [(more[0] + 1,), (max(2, more[0] - 1),)]
        cases = [{FEATURES: one} for one in features]
        cases += [{FEATURES: torch.randn(*shape, size, channels)} for size in sorted(sizes) for shape in frames]
        names = {0: "frames", 1: "tokens"} if more else {0: "tokens"}
        graph = write_graph(module, folder / f"{modality}_bridge.onnx", SOFT_TOKENS, cases, {FEATURES: names})
        return graph, steps_of(source.model.config, modality, source.model.config.raw_view(modality))

    def prove(self, source: ExportSource, folder: Path) -> Proof:
        """Soft tokens by onnxruntime in a fresh process, of media of several sizes, and the LLM's answers to them.

        Raises:
            MismatchError: soft tokens differ by more than the order of additions explains.
        """
        media = [(name, medium) for name in source.model.config.modalities for medium in _media(source, name)]
        examples = [ProofExample((), ((name, medium),)) for name, medium in media]
        found = [
            torch.from_numpy(one.logits)
            for one in answers_of_child("macaw_cli.export.proving.onnx_answers", folder, examples)
        ]
        for (name, medium), soft in zip(media, found, strict=True):
            with torch.no_grad():
                expected = bridge_graph(source, name)(_trimmed(source, name, medium))
            if (apart := difference(soft, expected)) > LIMIT:
                raise MismatchError(
                    f"onnxruntime makes other soft tokens of {name} {medium.shape}: {apart:.1e} of the largest value"
                    f" (limit {LIMIT:.0e}).",
                    "Nothing was exported. Please report this.",
                )
        ready = [(name, medium, soft) for (name, medium), soft in zip(media, found, strict=True)]
        answers = [_answer(source, example, ready) for example in source.examples]
        limit = max(LIMIT, LIMITS[source.dtype])
        return compare(source.expected, answers, source.examples, limit, self.loader)

    def notes(self, source: ExportSource) -> list[str]:
        """What is not among the graphs."""
        del source
        return ["The LLM is not among the graphs: --format llm writes it for programs that take embeddings."]


def bridge_graph(source: ExportSource, modality: Modality) -> BridgeGraph:
    """The module behind the graph of a bridge."""
    model = source.model
    view = model.config.raw_view(modality)
    return BridgeGraph(model.fusion.bridges[modality], model.embedding_matrix, view).eval()


def _media(source: ExportSource, modality: Modality) -> list[Any]:
    """Raw media of several sizes: those of the examples, and pieces of them."""
    own: dict[bytes, Any] = {}
    for example in source.examples:
        for name, medium in example.media:
            if name == modality:
                own.setdefault(np.asarray(medium).tobytes(), medium)
    media = list(own.values())
    first = np.asarray(media[0])
    if modality == "image":
        return [*media, np.ascontiguousarray(first[: len(first) * 2 // 3])]
    if modality == "audio":
        return [*media, first[: len(first) // 3], np.concatenate([first, first])]
    return media


def _prepared(encoder: FrozenEncoder, modality: Modality, medium: Any) -> Any:
    if modality == "audio":
        return encoder.prepare(cut_windows(medium, encoder.processor, 1))
    return encoder.prepare(list(medium) if modality == "video" else [medium])


def _trimmed(source: ExportSource, modality: Modality, medium: Any) -> Tensor:
    """Features as the graph of a bridge takes them."""
    features = source.encoders.before_view(modality, medium)
    trim = source.model.config.raw_view(modality).trim
    if trim is None:
        return features.clone()
    rate = source.encoders.encoder("audio").sampling_rate or 1
    return trimmed(trim, features, len(medium) / rate).clone()


def _write_begin_end(source: ExportSource, folder: Path) -> None:
    from safetensors.torch import save_file

    model, found = source.model, {}
    for modality in model.config.modalities:
        for name, ids in zip(("begin", "end"), around_media(model.config, modality), strict=True):
            if ids:
                with torch.no_grad():
                    rows = model.fusion.embed_text(torch.tensor([ids]), model.get_input_embeddings())[0]
                found[f"{modality}.{name}"] = rows.float().contiguous()
    save_file(found, folder / BEGIN_END)


@torch.inference_mode()
def _answer(source: ExportSource, example: ProofExample, ready: list[tuple[Modality, Any, Tensor]]) -> Answer:
    """The LLM's answer to an example whose soft tokens onnxruntime has made."""
    model = source.model
    inputs: Mapping[str, Any] = source.inputs(example)
    ids = inputs["input_ids"][0]
    given = {name: value for name, value in inputs.items() if name not in ("input_ids", "attention_mask")}
    embeds = model.fuse_inputs(inputs["input_ids"], **given).inputs_embeds[0].clone()
    for modality in {name for name, _ in example.media}:
        soft = list(_soft_tokens(example, modality, ready))
        embeds[ids == model.config.soft_token_ids[modality]] = torch.cat(soft).to(embeds.dtype)
    return answered_from_embeds(model.language_model, embeds, ends_of(model))


def _soft_tokens(
    example: ProofExample, modality: Modality, ready: list[tuple[Modality, Any, Tensor]]
) -> Iterator[Tensor]:
    for name, medium in example.media:
        if name == modality:
            yield next(soft for other, one, soft in ready if (other == name and one is medium) or _same(one, medium))


def _same(one: Any, other: Any) -> bool:
    return np.shape(one) == np.shape(other) and bool(np.array_equal(one, other))
