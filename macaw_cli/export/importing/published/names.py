"""The published Macaw-LLM's parameter names, ours for them, and its configuration read off the weights. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

_RENAMINGS = (
    (re.compile(r"^llm\."), "language_model."),
    (re.compile(r"^(image|audio|video)_align_attention\."), r"fusion.bridges.\1.alignment."),
    (re.compile(r"^project_(image|audio|video)\."), r"fusion.bridges.\1.convolution."),
    (re.compile(r"^transform_(image|audio|video)_to_hidden\."), r"fusion.bridges.\1.projection."),
    (re.compile(r"^video_long_self_attention\."), "fusion.bridges.video.self_attention."),
)
_UNUSED = re.compile(
    r"^(temporal_|layer_norm|logit_scale|(image|video|audio)_encoder\.|.*rotary_emb\.inv_freq$)"
)
"""In the published file, but in no computation of the model from stored features."""


@dataclass
class Renamed:
    """Weights under our names, and what was left."""

    weights: dict[str, Tensor] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    """Published names that the model does not need."""
    unknown: list[str] = field(default_factory=list)
    """Names that no published checkpoint has."""


def renamed(published: Mapping[str, Tensor]) -> Renamed:
    """Give published weights our names; `param.` or `module.` in front are dropped, `in.` and `out.` vectors too."""
    result = Renamed()
    for full_name, tensor in published.items():
        name = full_name.removeprefix("param.").removeprefix("module.")
        if full_name.startswith(("in.", "out.")):
            continue
        ours = next((pattern.sub(new, name) for pattern, new in _RENAMINGS if pattern.match(name)), None)
        if _UNUSED.match(name):
            result.unused.append(name)
        elif ours is None:
            result.unknown.append(name)
        else:
            result.weights[ours] = tensor
    return result


def published_name(ours: str) -> str:
    """The published name of one of our weights, for messages."""
    ours = ours.replace("language_model.", "llm.", 1)
    ours = re.sub(r"^fusion\.bridges\.(\w+)\.alignment\.", r"\1_align_attention.", ours)
    ours = re.sub(r"^fusion\.bridges\.(\w+)\.convolution\.", r"project_\1.", ours)
    ours = re.sub(r"^fusion\.bridges\.(\w+)\.projection\.", r"transform_\1_to_hidden.", ours)
    return re.sub(r"^fusion\.bridges\.video\.self_attention\.", "video_long_self_attention.", ours)


def summarised(names: Iterable[str]) -> str:
    """Names in a few words: each beginning up to the first dot, with the number of weights below it."""
    counts: dict[str, int] = {}
    for name in names:
        beginning, dot, _ = name.partition(".")
        counts[beginning + ".*" * bool(dot)] = counts.get(beginning + ".*" * bool(dot), 0) + 1
    return ", ".join(f"{name} ({count})" if count > 1 else name for name, count in sorted(counts.items()))
