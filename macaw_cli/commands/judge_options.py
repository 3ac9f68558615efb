"""`macaw evaluate --judge`: the judge that the settings name, and what a limit left unasked."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from macaw_cli.basics.errors import InputError, MacawError, ResourceError

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


def require_judged(figures: Mapping[str, Any], failure: MacawError | None = None) -> None:
    """Fail, after everything is printed, where the judge failed, scored nothing, or a limit left answers unjudged.

    Args:
        figures: the JSON of `macaw evaluate --json`.
        failure: the judge's error, where it had one.

    Raises:
        InputError: no answer has a score; or as the judge's error is.
        ResourceError: some were not asked about; or as the judge's error is.
    """
    if failure is not None:
        raise failure
    judging = figures.get("judging") or {}
    if judging.get("not_asked"):
        raise ResourceError(
            f"{judging['not_asked']:,} of {judging['answers']:,} answers were not judged: {judging['stopped']}.",
            "Raise the limit and run the same command again: verdicts are kept, and none is paid for twice.",
        )
    if judging.get("answers") and not judging["judged"]:
        from macaw_cli.config.judge_settings import ASK_AGAIN

        raise InputError(
            f"The judge {judging['model']} scored none of {judging['answers']:,} answers: {judging['malformed']:,}"
            f" malformed replies, {judging['refused']:,} refused, {judging['failed']:,} failed.",
            f"Use a judge that follows the form. {ASK_AGAIN}",
        )
