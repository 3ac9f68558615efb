"""The evaluation figures for people: tables for the terminal and a plot of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from macaw_cli.basics.condition_looks import CONDITION_LOOKS, PREFERENCE_COLOUR
from macaw_cli.basics.counts import counted
from macaw_cli.basics.figure_kinds import kinds_below

COLUMNS = ["", "n", "real", "none", "told", "swapped", "chance", "reliance", "95 %", "preference", "95 %"]
PAIR_COLUMNS = ["", "pairs", "question", "95 %", "groups", "item", "group", "95 %"]
TEXT_COLUMNS = ["", "n", "metric", "real", "none", "told", "swapped"]
MEDIUM_COLUMNS = ["", "swapped alone", "n", "real", "swapped", "reliance", "95 %", "preference", "95 %"]
PARTS = {"swapped_image": "frames", "swapped_audio": "soundtrack"}
METRIC_NAMES = {
    "greedy_match": "greedy match", "exact_match": "exact match", "token_f1": "token F1", "rouge_l": "ROUGE-L",
    "wer": "WER", "cer": "CER", "bleu": "BLEU", "cider": "CIDEr", "mae": "MAE",
    "crps": "CRPS", "missing_rate": "missing rate",
}  # fmt: skip

Lines = list[tuple[str, Mapping[str, Any]]]


def table_rows(figures: Mapping[str, Any]) -> list[list[str]]:
    """One row per modality and kind, unseen combinations and text at the end, all questions with media last."""
    return [[name, *_cells(measured)] for name, measured in _lines(figures)]


def turn_rows(figures: Mapping[str, Any]) -> list[list[str]]:
    """One row per turn, where conversations have several answers; `COLUMNS`."""
    return [[f"turn {turn}", *_cells(measured)] for turn, measured in figures.get("turns", {}).items()]


def pair_rows(figures: Mapping[str, Any]) -> list[list[str]]:
    """Question, item and group accuracy per modality and over all; `PAIR_COLUMNS`."""
    pairs = figures.get("pairs") or {}
    lines = {**pairs.get("modalities", {}), **({"all with media": pairs["overall"]} if pairs else {})}
    return [
        [name, str(seen["pairs"]), _number(seen["question_accuracy"]), _interval(seen["question_ci95"], ""),
         str(seen["groups"]), _number(seen["item_accuracy"]), _number(seen["group_accuracy"]),
         _interval(seen["group_ci95"], "")]
        for name, seen in lines.items()
    ]  # fmt: skip


def text_rows(figures: Mapping[str, Any]) -> list[list[str]]:
    """One row per kind and text metric, where answers have no choices; `TEXT_COLUMNS`."""
    kinds = {**figures["kinds"], **figures.get("text", {}).get("kinds", {})}
    return [
        [kind, str(measured["n" if metric == "greedy_match" else "generated"]), METRIC_NAMES.get(metric, metric),
         *(_number(values.get(condition)) for condition in TEXT_COLUMNS[3:])]
        for kind, measured in kinds.items() for metric, values in measured.get("metrics", {}).items()
    ]  # fmt: skip


def medium_rows(figures: Mapping[str, Any]) -> list[list[str]]:
    """One row per kind and medium that was swapped alone, of conversations with several media; `MEDIUM_COLUMNS`."""
    kinds = figures["kinds"].items()
    return [
        [kind, _medium(condition), str(seen["paired"] or seen["preference_n"]), _number(measured["real"]),
         _number(seen["swapped"]), _number(seen["reliance"]), *_intervals(seen)]
        for kind, measured in kinds for condition, seen in measured.get("per_medium", {}).items()
    ]  # fmt: skip


def _medium(condition: str) -> str:
    """What is swapped, such as `medium 2`."""
    return PARTS.get(condition, f"medium {condition.rpartition('_')[2]}")


def verdict_lines(figures: Mapping[str, Any]) -> list[str]:
    """The verdicts, one line per modality and one per remedy; then how many questions had no finite likelihood."""
    lines = [
        line
        for verdict in figures.get("verdict", {}).values()
        for line in (_headed(verdict), *(f"  {number}. {words}" for number, words in enumerate(verdict["remedies"], 1)))
    ]
    if lost := sum(measured.get("non_finite", 0) for measured in figures.get("modalities", {}).values()):
        lines.append(f"Left out of gap and preference: {counted(lost, 'question')} with a non-finite likelihood.")
    return lines


def _headed(verdict: Mapping[str, Any]) -> str:
    return f"{verdict['text']} Likeliest remedies:" if verdict["remedies"] else str(verdict["text"])


def write_plot(figures: Mapping[str, Any], path: Path) -> None:
    """Write `draw_accuracies` as PNG.

    Args:
        figures: the JSON of `macaw evaluate --json`.
        path: PNG to write.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
                         "text.parse_math": False}):  # fmt: skip
        figure = Figure(figsize=(8, accuracy_height(figures)), layout="constrained")
        draw_accuracies(figure, figures)
        figure.savefig(path, format="png", dpi=130)


def accuracy_height(figures: Mapping[str, Any]) -> float:
    """Inches that `draw_accuracies` needs."""
    return 0.36 * len(_drawn_lines(figures)) + 1.25


def draw_accuracies(figure: Any, figures: Mapping[str, Any]) -> None:
    """Draw accuracy with real, without and with swapped media per line of the table, chance as a mark.

    A line without choices shows its preference instead, whose chance is 0.5.

    Args:
        figure: of matplotlib.
        figures: the JSON of `macaw evaluate --json`.
    """
    import matplotlib as mpl

    ink = mpl.rcParams["text.color"]
    lines = _drawn_lines(figures)
    free = [seen["swapped"] is None for _, seen in lines]
    axes = figure.subplots()
    for offset, (condition, (label, colour)) in zip((0.27, 0.0, -0.27), CONDITION_LOOKS.items(), strict=True):
        heights = [measured[condition] or 0.0 for _, measured in lines]
        axes.barh([y + offset for y in _heights(lines)], heights, height=0.25, color=colour, label=label)
    for y, (_, measured), is_free in zip(_heights(lines), lines, free, strict=True):
        if is_free:
            axes.barh(y, measured["preference"], height=0.5, color=PREFERENCE_COLOUR)
        chance = 0.5 if is_free else measured["chance"]
        axes.plot([chance] * 2, [y - 0.42, y + 0.42], color=ink, linewidth=1.2)
    axes.plot([], [], color=ink, linewidth=1.2, label="chance")
    if any(free):
        axes.barh([0], [0], color=PREFERENCE_COLOUR, label="preference")
    axes.set_yticks(_heights(lines), [name.strip() for name, _ in lines])
    axes.set_xlim(0, 1)
    axes.set_xlabel("held-out accuracy, or preference where answers have no choices" if any(free)
                    else "held-out accuracy")  # fmt: skip
    figure.legend(loc="outside upper center", ncols=3)


def _drawn_lines(figures: Mapping[str, Any]) -> Lines:
    """The lines that have a bar; none of text-only questions."""
    return [
        (name, seen) for name, seen in _lines(figures)
        if seen["swapped"] is not None or seen.get("preference") is not None
    ]  # fmt: skip


def _heights(lines: Lines) -> list[float]:
    return [float(len(lines) - number) for number in range(len(lines))]


def _lines(figures: Mapping[str, Any]) -> Lines:
    lines: Lines = []
    for modality, measured in figures["modalities"].items():
        lines.append((modality, measured))
        lines += [(f"  {kind}", seen) for kind, seen in kinds_below(figures, modality).items()]
    for modality, measured in figures.get("unseen", {}).items():
        if modality != "overall":
            lines.append((f"{modality}, unseen combinations", measured))
    if "text" in figures:
        lines.append(("text only", figures["text"]))
        kinds = figures["text"].get("kinds", {})
        lines += [(f"  {kind}", seen) for kind, seen in kinds.items()] if len(kinds) > 1 else []
    if "overall" in figures:
        lines.append(("all with media", figures["overall"]))
    return lines


def _cells(measured: Mapping[str, Any]) -> list[str]:
    values = [_number(measured.get(name)) for name in ("real", "none", "told", "swapped", "chance", "reliance")]
    return [_questions(measured), *values, *_intervals(measured)]


def _questions(measured: Mapping[str, Any]) -> str:
    """How many there are; where accuracy is of fewer, because the others have no choices, both numbers."""
    n, chosen = measured["n"], measured.get("with_choices", measured["n"])
    return f"{chosen} of {n}" if 0 < chosen < n else str(n)


def _intervals(measured: Mapping[str, Any]) -> list[str]:
    """The interval of reliance, then preference with its own."""
    preference = [_number(measured.get("preference")), _interval(measured.get("preference_ci95"), "")]
    return [_interval(measured["ci95"], "+"), *preference]


def _interval(bounds: list[float] | None, sign: str) -> str:
    return f"{bounds[0]:{sign}.2f} {bounds[1]:{sign}.2f}" if bounds else "-"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
