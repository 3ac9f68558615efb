"""One sentence per modality: does the model use its media, and if not, what to try first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from macaw_cli.evaluation.figures.remedies import Circumstances, likeliest_remedies

Category = Literal["used", "partly", "not_used", "unknown"]

FEWEST_QUESTIONS = 10
USED, SURELY_SOMETHING = 0.5, 0.2
"""Used: the value is at least the first number and its interval begins at the second or above."""
NEXT_TO_NOTHING, MAYBE_NOTHING = 0.1, 0.25
"""Not used: the interval ends below the first number; or it holds 0, and ends below the second."""
SURELY_PREFERRED = 0.55
"""A preference whose interval begins above it shows that the media matter, where reliance cannot tell."""
SENTENCES: dict[Category, str] = {
    "used": "The model uses its {media}",
    "partly": "The model uses its {media} in part",
    "not_used": "The model does not use its {media}",
    "unknown": "There are too few questions to tell whether the model uses its {media}",
}


@dataclass(frozen=True)
class Evidence:
    """What the verdict is taken from.

    Args:
        measure: `reliance`, or `preference` where most questions have no choices.
        value: of that measure.
        low: lower bound of its 95 % interval.
        high: upper bound.
        n: questions that were asked with their own media and with others'.
        prefers: whether the preference is surely above that of a blind model: likelihoods tell sooner than answers.
    """

    measure: Literal["reliance", "preference"]
    value: float
    low: float
    high: float
    n: int
    prefers: bool = False

    @property
    def scaled(self) -> tuple[float, float, float]:
        """Value and bounds from 0 (blind) to 1; a preference of 0.5 is blind."""
        values = (self.value, self.low, self.high)
        return values if self.measure == "reliance" else tuple(2 * value - 1 for value in values)  # type: ignore[return-value]

    def __str__(self) -> str:
        return f"{self.measure} {self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def verdicts(figures: Mapping[str, Any], circumstances: Circumstances | None = None) -> dict[str, dict[str, Any]]:
    """The verdict on each modality of the figures.

    Args:
        figures: of `macaw evaluate`, or of a validation.
        circumstances: what is known of the training.

    Returns:
        Modality to `category`, `measure`, `value`, `ci95`, `n`, `text` and `remedies` (at most three, likeliest first).
    """
    found = {}
    for modality, measured in figures.get("modalities", {}).items():
        evidence = evidence_of(measured)
        if evidence is None:
            found[modality] = _nothing_swapped(modality)
            continue
        category = category_of(evidence)
        remedies = likeliest_remedies(modality, category, measured, circumstances)
        found[modality] = {
            "category": category, "measure": evidence.measure, "value": evidence.value,
            "ci95": [evidence.low, evidence.high], "n": evidence.n,
            "text": _text(modality, category, evidence), "remedies": remedies,
        }  # fmt: skip
    return found


def evidence_of(measured: Mapping[str, Any]) -> Evidence | None:
    """Reliance where at least half of the questions have choices, else preference; None where neither is known."""
    n = measured["n"]
    with_choices = measured.get("with_choices", n)
    reliance, bounds = measured.get("reliance"), measured.get("ci95")
    preference, preference_bounds = measured.get("preference"), measured.get("preference_ci95")
    prefers = preference_bounds is not None and preference_bounds[0] > SURELY_PREFERRED
    if reliance is not None and bounds and 2 * with_choices >= n:
        paired = measured.get("paired", with_choices)  # figures of older versions do not tell
        return Evidence("reliance", reliance, bounds[0], bounds[1], paired, prefers)
    if preference is not None and preference_bounds:
        pairs = measured.get("preference_n", n)
        return Evidence("preference", preference, preference_bounds[0], preference_bounds[1], pairs, prefers)
    return None


def category_of(evidence: Evidence) -> Category:
    """Used, partly used, not used, or too few questions to tell."""
    value, low, high = evidence.scaled
    if evidence.n < FEWEST_QUESTIONS:
        return "unknown"
    if value >= USED and low >= SURELY_SOMETHING:
        return "used"
    if high < NEXT_TO_NOTHING:
        return "not_used"
    if low > 0 or evidence.prefers:
        return "partly"
    return "not_used" if high < MAYBE_NOTHING else "unknown"


def _nothing_swapped(modality: str) -> dict[str, Any]:
    """The verdict where no question was asked with another example's media."""
    why = "no two questions of a kind have different answers, so no media could be swapped"
    return {
        "category": "unknown", "measure": None, "value": None, "ci95": None, "n": 0,
        "text": f"{_sentence(modality, 'unknown')}: {why}.",
        "remedies": likeliest_remedies(modality, "unknown", {}, None),
    }  # fmt: skip


def _text(modality: str, category: Category, evidence: Evidence) -> str:
    count = f"{evidence.n} question{'' if evidence.n == 1 else 's'}"
    return f"{_sentence(modality, category)}: {evidence}, {count}."


def _sentence(modality: str, category: Category) -> str:
    return SENTENCES[category].format(media=modality.replace("+", " and "))
