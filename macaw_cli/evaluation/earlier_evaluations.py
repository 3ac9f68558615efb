"""What a folder of figures holds already: an evaluation of other questions is moved aside, and never replaced."""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import fsync_folder
from macaw_cli.basics.console import say
from macaw_cli.basics.errors import DamagedError
from macaw_cli.basics.fingerprints import sha256_file
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT
from macaw_cli.basics.working_files import kind_of, make_folder, take_place
from macaw_cli.config.evaluation_settings import EvaluationSettings
from macaw_cli.config.loading import Workspace

EARLIER = "earlier-{}"
"""Folder beside the figures that hold now: 1 is the first that was moved."""


OF_GENERATED = ("max_new_tokens", "samples", "constraints")
OF_SHOTS = ("demonstration_pool",)
OF_REASONING = ("reasoning_prompt", "answer_prompt", "answer_pattern", "reasoning_tokens")
"""Settings of `evaluation` that change answers, where these are generated, demonstrations shown, or reasons given."""


def asked_with(workspace: Workspace, *, judged: bool) -> dict[str, Any]:
    """How the questions of a dataset are asked beyond the plain way, in which it is empty: all that changes answers.

    `evaluation.metrics` does not, but where it says whose answers are sampled: other figures of the same answers
    replace the earlier ones.

    Args:
        workspace: its `evaluation` settings hold.
        judged: whether a judge scores the answers.

    Returns:
        `shots`, `demonstrations` and `permutations`, the hash of the file of `choices`, how there is `reasoning`, and
        the model of the `judge`, each where it is used; and what else is used and is not the default.
    """
    settings: EvaluationSettings = workspace.settings.evaluation
    shown = ("shots", "demonstrations", "permutations") if settings.shots else ()
    used = [
        *(OF_GENERATED if settings.generate else ()), *(OF_SHOTS if settings.shots else ()),
        *(("metrics",) if settings.generate and settings.samples > 1 else ()),
        *((*OF_REASONING, "max_new_tokens") if settings.reasoning != "none" else ()),
    ]  # fmt: skip
    plain = EvaluationSettings()
    return {
        **{name: getattr(settings, name) for name in used if getattr(settings, name) != getattr(plain, name)},
        **({"seed": workspace.settings.seed} if settings.shots and workspace.settings.seed else {}),
        **{name: getattr(settings, name) for name in shown},
        **({"choices": sha256_file(workspace.path(settings.choices))} if settings.choices else {}),
        **({"reasoning": settings.reasoning} if settings.reasoning != "none" else {}),
        **({"judge": settings.judge.model} if judged else {}),
        **({"judge_temperature": heat} if judged and (heat := settings.judge.temperature) is not None else {}),
    }


def same_asked(earlier: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether an earlier evaluation asked the same questions in the same way; of the dataset its content counts."""
    return bool(earlier.get("asked") == asked["asked"] and (earlier.get("asked_with") or {}) == asked["asked_with"])


def move_earlier(folder: Path, names: Sequence[str], is_same: Callable[[dict[str, Any]], bool], shown: str) -> None:
    """Move what another evaluation wrote into a folder of its own, such as `earlier-1`, below its own.

    A killed move goes on with the next evaluation: the figures, by which it is known, are moved last.

    Args:
        folder: of the figures.
        names: its files, that of the figures last.
        is_same: whether figures are of the questions that are asked now; they are replaced then.
        shown: the folder's name in the message.

    Raises:
        InputError: something that is no file is in the place of one.
    """
    *_, figures = names
    if kind_of(folder / figures) != "a file":
        return
    try:
        if is_same(read_object(folder / figures, OBJECT)):
            return
    except DamagedError:
        pass  # whose they are is unknown
    there = [name for name in names if kind_of(folder / name)]
    place = next(
        place for number in count(1)
        if not any(kind_of(folder / (place := EARLIER.format(number)) / name) for name in there)
    )  # fmt: skip
    make_folder(folder / place)
    for name in there:
        take_place(folder / name, folder / place / name)
    fsync_folder(folder / place)
    say(f"The earlier evaluation has other questions, or asked in another way: it is kept in {shown}/{place}.")
