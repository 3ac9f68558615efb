"""`report.html` and the plots of a run: at its end, or so far for one that was interrupted."""

from pathlib import Path
from typing import Any

from macaw_cli.basics.atomic_files import write_bytes
from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.owned_folders import require_own_page
from macaw_cli.basics.working_files import make_folder
from macaw_cli.config.bridges.designs import bridge_in_words
from macaw_cli.reports.drawing import DrawnPlot, drawn
from macaw_cli.reports.figures import CONDITIONS, held_out, run_figures
from macaw_cli.reports.page import write_page
from macaw_cli.reports.run_plots import run_plots
from macaw_cli.reports.run_record import RunRecord, read_run
from macaw_cli.reports.tables import Table
from macaw_cli.reports.wording import duration, number, share

PAGE_NAME, PLOTS_NAME = "report.html", "plots"
PLOTS = ("loss", "validation", "reliance", "preference", "time")
"""Plots that are also written as PNG files."""


def write_run_report(folder: Path) -> Path:
    """Write `report.html` and `plots/*.png` into a run's folder; returns the page.

    Args:
        folder: the run.

    Raises:
        MismatchError: a newer macaw wrote the run.
        DamagedError: one of its files is not what macaw writes.
    """
    require_own_page(folder / PAGE_NAME)
    record = read_run(folder)
    make_folder(folder / PLOTS_NAME)
    plots = drawn(run_plots(record))
    for drawing in plots:
        if drawing.plot.name in PLOTS:
            write_bytes(folder / PLOTS_NAME / f"{drawing.plot.name}.png", drawing.light)
    _write_page(record, plots, folder / PAGE_NAME)
    return folder / PAGE_NAME


def write_run_page(record: RunRecord, target: Path) -> None:
    """Write the page alone.

    Args:
        record: the run.
        target: the file.
    """
    _write_page(record, drawn(run_plots(record)), target)


def _write_page(record: RunRecord, plots: list[DrawnPlot], target: Path) -> None:
    figures = run_figures(record)
    write_page(
        target,
        "run",
        title=f"{record.name}: a macaw training run",
        name=record.name,
        finished=record.is_finished,
        lead=_what(record),
        tiles=_tiles(figures),
        answers=[_verdict(figures), _held_out(record)],
        plots=plots,
        tables=[_stages(figures), _settings(record), _versions(record)],
    )


def _what(record: RunRecord) -> str:
    """`Bridge macaw on models/llm, trained on dataset: bridge, begin_end_tokens, llm`."""
    settings, training = record.settings, record.settings.get("training") or {}
    name = bridge_in_words(settings.get("bridge") or "?")
    data = ", ".join(map(str, training.get("datasets") or [(settings.get("dataset") or {}).get("out") or "dataset"]))
    adapter = (training.get("adapter") or {}).get("kind") or "none"
    trained = training.get("train") or []
    groups = [trained] if isinstance(trained, str) else trained
    parts = [f"{adapter} adapter" if part == "llm" and adapter != "none" else part for part in groups]
    stages = [stage["name"] for stage in training.get("stages") or []]
    recipe = f"; stages {', '.join(stages)}" if stages else ""
    start = settings.get("llm") or training.get("start_from") or "an LLM"
    return f"Bridge {name} on {start}, trained on {data}: {', '.join(parts)}{recipe}"


def _tiles(figures: dict[str, Any]) -> list[tuple[str, str]]:
    best = figures["best_validation"]
    tokens_per_second = figures["tokens_per_second"]
    seen = [
        ("steps", f"{figures['steps']:,}"),
        ("final training loss", number(figures["final_loss"])),
        (f"best held-out loss, step {best['step']}" if best else "", number(best and best["loss"])),
        *((f"reliance on {name}", f"{value:+.2f}") for name, value in figures["reliance"].items()),
        *((f"preference for {name}", f"{value:.2f}") for name, value in figures["preference"].items()),
        ("tokens per second", f"{tokens_per_second:,.0f}" if tokens_per_second else ""),
        ("time in steps", duration(figures["seconds_of_steps"]) if figures["seconds_of_steps"] else ""),
        ("tokens", f"{figures['tokens']:,}" if figures["tokens"] else ""),
        ("padding", "" if figures["padding"] is None else f"{figures['padding']:.1%}"),
        ("peak memory of rank 0", human_bytes(figures["peak_memory_bytes"]) if figures["peak_memory_bytes"] else ""),
        ("examples with swapped media", f"{figures['swapped']:,}" if figures["swapped"] else ""),
        ("skipped steps", str(figures["skipped_steps"]) if figures["skipped_steps"] else ""),
    ]
    return [(name, value) for name, value in seen if name and value]


def _verdict(figures: dict[str, Any]) -> Table:
    rows = [[found["text"], " ".join(f"{n}. {words}" for n, words in enumerate(found.get("remedies") or [], 1))]
            for found in figures["verdict"].values()]  # fmt: skip
    return Table("Does the model use its media?", ["", "what to try"], rows, words=True)


def _held_out(record: RunRecord) -> Table:
    rows = [
        [
            name,
            str(seen.get("n", "")),
            *(share(seen.get(key)) for key in CONDITIONS[:-1]),
            _interval(seen.get("ci95")),
            share(seen.get("preference")),
            _interval(seen.get("preference_ci95")),
        ]
        for name, seen in held_out(record).items()
    ]
    heads = ["", "n", *CONDITIONS[:-1], "95 %", "preference", "95 %"]
    return Table("Held-out questions at the last validation", heads, rows)


def _interval(bounds: list[float] | None) -> str:
    return f"{bounds[0]:.2f} to {bounds[1]:.2f}" if bounds else "-"


def _stages(figures: dict[str, Any]) -> Table:
    rows = [[span["name"], f"{span['first_step']} to {span['last_step']}", number(span["loss"])]
            for span in figures["stages"]]  # fmt: skip
    return Table("Stages", ["", "steps", "loss at its end"], rows)


def _settings(record: RunRecord) -> Table:
    rows = [[key, str(value)] for key, value in record.changed_settings.items()]
    return Table("Settings that differ from their defaults", ["key", "value"], rows, words=True)


def _versions(record: RunRecord) -> Table:
    versions = record.versions
    rows = [] if not versions else [
        ["command", " ".join(versions.get("command") or [])],
        ["macaw", str(versions.get("macaw", ""))],
        ["python", str(versions.get("python", ""))],
        *([name, str(version)] for name, version in (versions.get("packages") or {}).items()),
        *([name, str(hash_)[:16]] for name, hash_ in (versions.get("identity") or {}).items()),
    ]
    return Table("Made with", ["", "version or hash"], rows, words=True)
