"""The results of real models as tables, a plot, and parts of `docs/real-models.md`.

    python benchmarks/realmodels/results.py work/results.json --docs docs

fills every `<!-- figures: NAME -->` of the page, up to its `<!-- end of figures -->`, and draws
`images/real-models.png`.
"""

import argparse
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

PAGE, PICTURE = "real-models.md", "images/real-models.png"
BLOCK = re.compile(r"(<!-- figures: (\S+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)
CONDITIONS = {"real": "#1b9e77", "none": "#bdbdbd", "swapped": "#d95f02"}
CURVES = ["#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#e6ab02"]
MOST_LINES = 24
PASSING = re.compile(r"^\S.*: \d+/\d+ .* left|^\[rank|^There is no run ")
"""Lines of a transcript that say how far the work is."""

Record = dict[str, Any]
"""What one system with one seed came to."""


def by_system(results: dict[str, Any]) -> dict[str, list[Record]]:
    """The records of each system, in the order in which they were run."""
    found: dict[str, list[Record]] = {}
    for record in results["records"]:
        found.setdefault(record["system"], []).append(record)
    return found


def accuracy_table(results: dict[str, Any]) -> str:
    """Accuracy under each condition, per kind of question and system: means over the seeds, the range for `real`."""
    rows = []
    for kind in sorted({kind for record in results["records"] for kind in record["kinds"]}):
        for system, records in by_system(results).items():
            measured = [record["kinds"][kind] for record in records if kind in record["kinds"]]
            values = [_values(measured, name) for name in (*CONDITIONS, "chance", "preference")]
            reliance = _values(measured, "reliance") or _differences(measured)
            if any(values):
                real, none, swapped, chance, preference = values
                cells = [_ranged(real), *map(_number, (none, swapped)), _number(reliance, "+.2f")]
                rows.append([kind, system, str(measured[0]["n"]), *cells, _number(preference), _number(chance)])
    head = ["kind", "system", "n", "real", "none", "swapped", "reliance", "preference", "chance"]
    return markdown(head, rows)


def cost_table(results: dict[str, Any]) -> str:
    """Steps, final loss, time and speed of each system: means over the seeds."""
    rows = []
    for system, records in by_system(results).items():
        speeds = [record["curve"][-1][0] / record["train_s"] for record in records if record["train_s"]]
        losses = [final_loss(record["curve"]) for record in records]
        seconds = [record["train_s"] for record in records]
        steps = str(records[0]["steps"])
        times = [_number(seconds, ".0f"), _number(speeds, ".1f")]
        rows.append([system, str(len(records)), steps, _ranged(losses), *times])
    head = ["system", "seeds", "optimizer steps", "loss at the end", "training, s", "examples/s"]
    return markdown(head, rows)


def final_loss(curve: Sequence[Sequence[float]]) -> float:
    """Mean loss over the last tenth of the examples."""
    begin = 0.9 * curve[-1][0]
    return mean(loss for examples, loss in curve if examples >= begin)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def console(transcript: str, most: int = MOST_LINES) -> str:
    """What a command printed, without what passes by, as a block; long ones lose their middle."""
    lines = [line.rstrip() for line in transcript.splitlines() if not PASSING.match(line)]
    if len(lines) > most:
        lines = [*lines[: most // 2], "...", *lines[len(lines) - most // 2 :]]
    return "\n".join(["```text", *lines, "```"])


def filled(page: str, results: dict[str, Any]) -> str:
    """The page with every marked place filled that the results have something for."""

    def fill(block: re.Match[str]) -> str:
        begin, name, end = block.groups()
        if name in results["transcripts"]:
            return f"{begin}{console(results['transcripts'][name], 60 if name == 'evaluate' else MOST_LINES)}\n{end}"
        return f"{begin}{TABLES[name](results)}\n{end}" if name in TABLES else block[0]

    return BLOCK.sub(fill, page)


def draw(results: dict[str, Any], path: Path) -> None:
    """Accuracy by kind of question and system above, the loss over the examples seen below."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib.figure import Figure

    systems = by_system(results)
    kinds = sorted({
        kind
        for record in results["records"]
        for kind, found in record["kinds"].items()
        if found.get("swapped") is not None
    })
    figure = Figure(figsize=(max(8, 2.6 * len(kinds)), 7), layout="constrained")
    above, below = figure.subfigures(2, 1)
    for axes, kind in zip(above.subplots(1, len(kinds), squeeze=False, sharey=True)[0], kinds, strict=True):
        _draw_kind(axes, kind, systems)
    handles, labels = above.axes[0].get_legend_handles_labels()
    above.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
    axes = below.subplots()
    for number, (system, records) in enumerate(systems.items()):
        for record in records:
            smooth = _smoothed(record["curve"])
            label = system if record is records[0] else None
            axes.plot(*zip(*smooth, strict=True), color=CURVES[number % len(CURVES)], label=label, linewidth=1.4)
    axes.set(xlabel="examples seen", ylabel="training loss", yscale="log")
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


def _draw_kind(axes: Any, kind: str, systems: dict[str, list[Record]]) -> None:
    found = [[record["kinds"].get(kind, {}) for record in records] for records in systems.values()]
    for offset, (condition, colour) in zip((-0.27, 0.0, 0.27), CONDITIONS.items(), strict=True):
        heights = [mean(_values(measured, condition) or [0.0]) for measured in found]
        axes.bar([at + offset for at in range(len(systems))], heights, 0.25, color=colour, label=condition)
    chances = [value for measured in found for value in _values(measured, "chance")]
    if chances:
        axes.axhline(mean(chances), color="black", linewidth=1, label="chance")
    axes.set_xticks(range(len(systems)), list(systems), rotation=30, ha="right", fontsize=8)
    axes.set(title=kind, ylim=(0, 1))
    axes.spines[["top", "right"]].set_visible(False)


def _smoothed(curve: Sequence[Sequence[float]], points: int = 30) -> list[tuple[float, float]]:
    """Means of the loss over equal stretches of the examples."""
    stretch = curve[-1][0] / points
    groups: dict[int, list[Sequence[float]]] = {}
    for point in curve:
        groups.setdefault(min(int(point[0] / stretch), points - 1), []).append(point)
    return [(mean(p[0] for p in group), mean(p[1] for p in group)) for group in groups.values()]


def _values(measured: Sequence[Record], name: str) -> list[float]:
    return [found[name] for found in measured if found.get(name) is not None]


def _differences(measured: Sequence[Record]) -> list[float]:
    return [found["real"] - found["swapped"] for found in measured if found.get("swapped") is not None]


def _number(values: Sequence[float], form: str = ".2f") -> str:
    return format(mean(values), form) if values else "-"


def _ranged(values: Sequence[float]) -> str:
    text = _number(values)
    return text if len(values) < 2 else f"{text} ({min(values):.2f} to {max(values):.2f})"


def plot_link(results: dict[str, Any]) -> str:
    """The plot, with what is in it."""
    text = "Accuracy with real, without and with swapped audio; training loss over the examples seen"
    return f"![{text}, {results['rows']} questions]({PICTURE})"


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "accuracy": accuracy_table,
    "cost": cost_table,
    "plot": plot_link,
}
"""Places of the page that hold a table or the plot; the others hold what a command printed."""


def main() -> None:
    """Fill the page, draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results.json of run.py")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page")
    arguments = parser.parse_args()
    results, page = json.loads(arguments.results.read_text()), arguments.docs / PAGE
    page.write_text(filled(page.read_text(), results))
    draw(results, arguments.docs / PICTURE)


if __name__ == "__main__":
    main()
