"""Encoders and bridges of a model as ONNX graphs.

Letters: n images, frames or windows of audio, F frames, N feature tokens, C channels, K soft tokens, D the LLM's
hidden size.
"""

import copy
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from macaw_cli.basics.errors import MismatchError
from macaw_cli.encoders.frozen import FrozenEncoder
from macaw_cli.encoders.views import View, viewed
from macaw_cli.model.bridges.bridge import Bridge, BridgeContext

OPSET = 18
LIMIT = 1e-4
"""Largest difference, relative to the largest value, that the order of additions explains."""
IN_ONE_FILE = 2**30
"""Bytes of weights up to which a graph holds them itself; others stand in a file beside it. A graph ends at 2 GiB."""
ANY = "any"
"""A size of an output that follows from the inputs."""
FATAL = 4
"""Of onnxruntime's log."""
TRACED = 3
"""Cases that are tried as the example that torch follows through a module."""
INPUTS, FEATURES, SOFT_TOKENS = "inputs", "features", "soft_tokens"


class EncoderGraph(nn.Module):
    """Prepared media (n, ...) to features (n, N, C), fp32.

    Args:
        encoder: of the model.
        alone: whether it takes one medium of a size of its own, (...) to (N, C).
    """

    def __init__(self, encoder: FrozenEncoder, *, alone: bool) -> None:
        super().__init__()
        self.model, self.alone = encoder.model, alone
        self._select, self._settings = type(encoder).select, encoder.settings

    def forward(self, inputs: Tensor) -> Tensor:
        """As `FrozenEncoder.select`."""
        if self.alone:
            return self._select(self.model, [inputs], self._settings)[0].float()
        features = self._select(self.model, inputs, self._settings)
        return (features if isinstance(features, Tensor) else torch.stack(list(features))).float()


class BridgeGraph(nn.Module):
    """Features (N, C) or (F, N, C) of one medium, after the trim of its padding, to soft tokens (K, D); in fp32.

    Args:
        bridge: of one modality, which does not read the instruction.
        matrix: (V, D), the LLM's input embeddings.
        view: of the modality; its trim is not done here.
    """

    matrix: Tensor

    def __init__(self, bridge: Bridge, matrix: Tensor, view: View) -> None:
        super().__init__()
        self.bridge, self.view = copy.deepcopy(bridge).float().eval(), replace(view, trim=None)
        needed = "embedding_matrix" in bridge.needs
        self.register_buffer("matrix", (matrix.detach() if needed else matrix.detach()[:1]).float().clone())

    def forward(self, features: Tensor) -> Tensor:
        """As `Bridge.forward`, for one medium."""
        soft: Tensor = self.bridge([viewed(self.view, features)], BridgeContext(self.matrix, (0,)))
        return soft


@dataclass(frozen=True)
class Graph:
    """A graph on the disk."""

    file: str
    inputs: dict[str, list[int | str]]
    """Name to shape; a name in a shape stands for any size."""
    output: str
    output_shape: list[int | str]

    def as_json(self) -> dict[str, Any]:
        """As it stands in `macaw_onnx.json`."""
        return {"file": self.file, "inputs": self.inputs, "output": {self.output: self.output_shape}}


def write_graph(
    module: nn.Module, file: Path, output: str, cases: Sequence[Mapping[str, Tensor]],
    axes: Mapping[str, Mapping[int, str]],
) -> Graph:  # fmt: skip
    """Export a module, with axes of any size as far as its design allows.

    Which axes those are is tried: a graph is kept when onnxruntime finds in all cases what torch finds.

    Args:
        module: in evaluation mode.
        file: to write.
        output: name of its output.
        cases: inputs by name, those of the usual sizes first. The others differ in the sizes of `axes`, and are tried
            where torch takes them.
        axes: of each input, axis to name.

    Raises:
        MismatchError: the module cannot be exported, or onnxruntime finds something else.
    """
    expected = [(case, found) for case in cases if (found := _tried(module, case)) is not None]
    reason = ""
    for chosen in _fewer_and_fewer(axes, cases):
        fitting = [pair for pair in expected if _fits(pair[0], cases[0], chosen)]
        # a design that fills up the last of its windows is traced with a medium that does not fill it itself
        for example, _ in fitting[:TRACED]:
            try:
                graph = _exported(module, file, output, example, chosen)
            except Exception as error:  # torch tells what it cannot trace in many ways
                reason = _reason(error)
                continue
            if all(difference(found, value) <= LIMIT for found, value in _by_onnxruntime(file, graph, fitting)):
                return graph
            reason = "onnxruntime computes something else"
    raise MismatchError(f"{file.stem} cannot be exported to ONNX: {reason}.", "Use --format hf or llm.")


def difference(found: Tensor | None, expected: Tensor) -> float:
    """The largest one, relative to the largest value; infinite where shapes differ."""
    if found is None or found.shape != expected.shape:
        return float("inf")
    largest = float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-30))
    return float("inf") if isnan(largest) else largest


@torch.no_grad()
def _tried(module: nn.Module, case: Mapping[str, Tensor]) -> Tensor | None:
    try:
        found: Tensor = module(**case)
    except Exception:  # a design says in its own way that it cannot take such a medium
        return None
    return found


def _fewer_and_fewer(
    axes: Mapping[str, Mapping[int, str]], cases: Sequence[Mapping[str, Tensor]]
) -> Iterator[dict[str, dict[int, str]]]:
    """All axes, then each of the first input's alone, then none; axes in which the cases do not differ are left out."""
    first = next(iter(axes))
    varied = {
        name: {axis: word for axis, word in of.items() if len({case[name].shape[axis] for case in cases}) > 1}
        for name, of in axes.items()
    }
    yield varied
    if len(varied[first]) > 1:
        for axis, word in varied[first].items():
            yield {**varied, first: {axis: word}}
    if any(varied.values()):
        yield {**varied, first: {}}


def _fits(case: Mapping[str, Tensor], usual: Mapping[str, Tensor], chosen: Mapping[str, Mapping[int, str]]) -> bool:
    return all(
        size == usual[name].shape[axis] or axis in chosen.get(name, {})
        for name, value in case.items()
        for axis, size in enumerate(value.shape)
    )


@torch.no_grad()
def _exported(
    module: nn.Module, file: Path, output: str, case: Mapping[str, Tensor], axes: Mapping[str, Mapping[int, str]]
) -> Graph:
    with _quiet():
        program = torch.onnx.export(
            module, kwargs=dict(case), dynamo=True, opset_version=OPSET, verbose=False, input_names=list(case),
            output_names=[output],
            # AUTO: torch may find that an axis has one size after all, and the cases show what came of it
            dynamic_shapes={name: dict.fromkeys(axes.get(name, {}), torch.export.Dim.AUTO) for name in case},
        )  # fmt: skip
        assert program is not None
        nbytes = sum(one.numel() * one.element_size() for one in module.state_dict().values())
        program.save(file, external_data=nbytes > IN_ONE_FILE)
    made = program.model.graph
    return Graph(
        file.name,
        {str(one.name): _shape(one.shape, axes.get(str(one.name), {})) for one in made.inputs},
        output, [size if isinstance(size, int) else ANY for size in made.outputs[0].shape or ()],
    )  # fmt: skip


def _shape(shape: Any, names: Mapping[int, str]) -> list[int | str]:
    return [size if isinstance(size, int) else names.get(axis, str(size)) for axis, size in enumerate(shape)]


def _by_onnxruntime(
    file: Path, graph: Graph, cases: Sequence[tuple[Mapping[str, Tensor], Tensor]]
) -> Iterator[tuple[Tensor | None, Tensor]]:
    from onnxruntime import InferenceSession, SessionOptions
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, RuntimeException

    options = SessionOptions()
    options.log_severity_level = FATAL  # a case that a graph cannot take is no news for people
    session = InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    for case, expected in cases:
        given = {name: value.numpy() for name, value in case.items() if name in graph.inputs}
        try:
            yield torch.from_numpy(session.run([graph.output], given)[0]), expected
        except (Fail, InvalidArgument, RuntimeException):
            yield None, expected


def _reason(error: BaseException) -> str:
    """What torch says last, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Torch tells of packages that are not there, and of itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
