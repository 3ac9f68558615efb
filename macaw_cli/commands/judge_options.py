"""`macaw evaluate --judge`: the judge that the settings name, and what a limit left unasked."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from macaw_cli.basics.errors import ResourceError

if TYPE_CHECKING:
    from macaw_cli.config.loading import Workspace
    from macaw_cli.evaluation.run import Judge


def judge_of(workspace: "Workspace") -> "Judge | None":
    """The judge of `evaluation.judge`, checked before any model is loaded; None where no model is named.

    Raises:
        UsageError: its API key or its price is missing, or no answers are generated.
        InputError: the folder of the ledger is not macaw's.
    """
    if not workspace.settings.evaluation.judge.model:
        return None
    from macaw_cli.judging.answer_judge import AnswerJudge

    return AnswerJudge(workspace)


def require_judged(figures: Mapping[str, Any]) -> None:
    """Fail, after everything is printed, where a limit left answers unjudged.

    Raises:
        ResourceError: some were not asked about.
    """
    judging = figures.get("judging") or {}
    if judging.get("not_asked"):
        raise ResourceError(
            f"{judging['not_asked']:,} of {judging['answers']:,} answers were not judged: {judging['stopped']}.",
            "Raise the limit and run the same command again: verdicts are kept, and none is paid for twice.",
        )
