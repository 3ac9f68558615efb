"""The plots of one run: loss, validation, reliance, time, gradient norms, learning rates, weights."""

from collections.abc import Sequence
from typing import Any

from macaw_cli.basics.condition_looks import CONDITION_LOOKS
from macaw_cli.reports.drawing import PALETTE, Plot, colour_of, ink, smoothed, thinned
from macaw_cli.reports.figures import held_out, stage_spans, time_shares, times
from macaw_cli.reports.interval_plots import draw_intervals, draw_preferences
from macaw_cli.reports.run_record import Curve, RunRecord

PHASE_COLOURS = {"load": "#e08427", "forward": "#3b7dd8", "backward": "#2a5ba0", "optimizer": "#2f9e6e",
                 "checkpoint": "#b0569f", "validation": "#d1495b"}  # fmt: skip


def run_plots(record: RunRecord) -> list[Plot]:
    """Every plot for which the run wrote something down."""
    reliances, preferences = _measured(record, "reliance"), _measured(record, "preference")
    wanted = [
        (record.curve("loss"), Plot(
            "loss", "Loss", "Training loss (faint: each logged row; bold: running mean) and held-out loss.",
            lambda figure: _loss(figure, record))),
        (record.names("losses"), Plot(
            "media_text", "Media and texts", "The losses of stages with the objective media-text, per pair: finding "
            "the partner, telling whether two belong together, and writing the text.",
            lambda figure: _per_group(figure, record, "losses", "loss", "log"), 2.8)),
        (reliances, Plot(
            "reliance", "Does the model use its media?", "Reliance = accuracy with real media - accuracy with those of "
            "another example; bars are 95 % intervals. At 0 the answers do not depend on the media.",
            lambda figure: _reliance(figure, record), 1.2 + 0.3 * len(reliances))),
        (preferences, Plot(
            "preference", "Are answers likelier with their own media?", "Preference = share of the questions whose "
            "reference answer is likelier with its own media than with another example's; bars are 95 % intervals. "
            "At 0.5 the media make no difference.",
            lambda figure: draw_preferences(figure, preferences), 1.2 + 0.3 * len(preferences))),
        (record.validations, Plot(
            "validation", "Validations", "Held-out accuracy with real media (lines), with swapped media (dashes), "
            "preference where answers have no choices (dots), and held-out loss at each validation.",
            lambda figure: _validation(figure, record), 3.2)),
        (time_shares(record), Plot(
            "time", "Time by phase", "Share of each phase in the time between two logged rows.",
            lambda figure: _time(figure, record), 2.8)),
        (record.curve("gradient_norm"), Plot(
            "gradient_norms", "Gradient norms", "Before clipping, per group of parameters where it was logged.",
            lambda figure: _per_group(figure, record, "gradient_norms", "gradient_norm", "log"), 2.8)),
        (record.curve("learning_rate"), Plot(
            "learning_rates", "Learning rates", "One line per group of parameters.",
            lambda figure: _per_group(figure, record, "learning_rates", "learning_rate", "linear"), 2.8)),
        (record.names("loss_weights"), Plot(
            "loss_weights", "Weights of the losses", "By what media an example has, see training.loss_weights.",
            lambda figure: _per_group(figure, record, "loss_weights", "weight", "linear"), 2.8)),
    ]  # fmt: skip
    return [plot for content, plot in wanted if content]


def plot_curve(axes: Any, curve: Curve, label: str, colour: str, *, noisy: bool = True) -> None:
    """A curve; of a noisy one the points are faint and their running mean is bold."""
    steps, values = thinned([float(step) for step, _ in curve], [value for _, value in curve])
    marker = "o" if len(values) < 3 else ""
    if noisy and len(values) >= 20:
        axes.plot(steps, values, color=colour, alpha=0.28, linewidth=1.0)
        values = smoothed(values)
    axes.plot(steps, values, color=colour, label=label, marker=marker)


def use_log_scale(axes: Any, values: Sequence[float]) -> None:
    """A logarithmic axis where it shows more: the values are positive and differ by more than 20 times."""
    if values and min(values) > 0 and max(values) > 20 * min(values):
        from matplotlib.ticker import LogLocator, NullFormatter

        wide = max(values) > 1000 * min(values)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())


def show_reliance(axes: Any, values: Sequence[float]) -> None:
    """The axis of reliance: from nothing to all, and below nothing where a value is."""
    axes.axvline(0, color=ink(), linewidth=0.8)
    axes.set_xlim(min([-0.05, *(value - 0.05 for value in values)]), 1.05)
    axes.set_xlabel("reliance, 95 %")


def _loss(figure: Any, record: RunRecord) -> None:
    axes = figure.subplots()
    curve, validations = record.curve("loss"), record.validation_curve("loss")
    plot_curve(axes, curve, "training", PALETTE[0])
    if validations:
        steps, losses = zip(*validations, strict=True)
        axes.plot(steps, losses, color=PALETTE[1], marker="o", markersize=5, label="held out")
        best = min(validations, key=lambda point: point[1])
        axes.plot(*best, marker="o", markersize=11, markerfacecolor="none", markeredgecolor=PALETTE[1], linestyle="")
    use_log_scale(axes, [value for _, value in [*curve, *validations]])
    _mark_stages(axes, record)
    axes.set_xlabel("step")
    axes.set_ylabel("loss per answer token or pair" if record.names("losses") else "loss per answer token")
    if validations:
        axes.legend()


def _mark_stages(axes: Any, record: RunRecord) -> None:
    spans = stage_spans(record)
    if len(spans) < 2:
        return
    for number, span in enumerate(spans):
        if number:
            axes.axvline(span.first_step - 0.5, color=ink(), linewidth=0.8, linestyle=":")
        place = ((span.first_step + span.last_step) / 2, 1.0)
        axes.annotate(span.name, place, xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=9)


def _validation(figure: Any, record: RunRecord) -> None:
    modalities = list(dict.fromkeys(name for _, seen in record.validations for name in seen.get("modalities") or {}))
    *first, right = figure.subplots(1, 2 if modalities else 1, squeeze=False)[0]
    for axes in first:
        for modality in modalities:
            _accuracies(axes, record, modality)
        axes.plot([], [], color=PALETTE[-1], linestyle="--", label="swapped media")
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("step")
        axes.set_ylabel("accuracy")
        axes.legend(fontsize=9)
    losses = record.validation_curve("loss")
    if losses:
        right.plot(*zip(*losses, strict=True), color=PALETTE[1], marker="o", markersize=4)
    right.set_xlabel("step")
    right.set_ylabel("held-out loss")


def _accuracies(axes: Any, record: RunRecord, modality: str) -> None:
    colour = colour_of(modality)
    for condition, line in (("real", "-"), ("swapped", "--")):
        points = record.validation_curve("modalities", modality, condition)
        if points:
            label = modality if condition == "real" else None
            steps, shares = zip(*points, strict=True)
            axes.plot(steps, shares, color=colour, linestyle=line, marker="o", markersize=4, label=label)
    points = record.validation_curve("modalities", modality, "preference")
    if points and not record.validation_curve("modalities", modality, "real"):
        steps, shares = zip(*points, strict=True)
        axes.plot(steps, shares, color=colour, linestyle=":", marker="o", markersize=4, label=f"{modality}, preference")


def _measured(record: RunRecord, name: str) -> list[tuple[str, dict[str, Any]]]:
    """The lines of the last validation that have this figure."""
    return [(line, seen) for line, seen in held_out(record).items() if seen.get(name) is not None]


def _reliance(figure: Any, record: RunRecord) -> None:
    lines = _measured(record, "reliance")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1))
    draw_intervals(left, lines, "reliance", "ci95")
    for height, (name, seen) in enumerate(reversed(lines)):
        for condition, (_, tone) in CONDITION_LOOKS.items():
            if seen.get(condition) is not None:
                right.plot(seen[condition], height, "o", color=tone, markersize=4.5 if name.startswith(" ") else 6)
        if seen.get("chance") is not None:
            right.plot([seen["chance"]] * 2, [height - 0.3, height + 0.3], color=ink(), linewidth=1.2)
    show_reliance(left, [bound for _, seen in lines for bound in seen.get("ci95") or [seen["reliance"]]])
    right.set_xlim(-0.03, 1.03)
    right.set_xlabel("accuracy")
    for label, tone in CONDITION_LOOKS.values():
        right.plot([], [], "o", color=tone, label=label)
    right.plot([], [], color=ink(), linewidth=1.2, label="chance")
    figure.legend(loc="outside upper right", ncols=4, fontsize=9, columnspacing=1.2, handletextpad=0.4)


def _time(figure: Any, record: RunRecord) -> None:
    phases = list(time_shares(record))
    rows = times(record)
    steps, _ = thinned([float(step) for step, _ in rows], [0.0] * len(rows))
    columns = [thinned([0.0] * len(rows), [seconds.get(phase, 0.0) for _, seconds in rows])[1] for phase in phases]
    totals = [sum(parts) or 1.0 for parts in zip(*columns, strict=True)]
    shares = [[100 * part / total for part, total in zip(column, totals, strict=True)] for column in columns]
    axes = figure.subplots()
    means = time_shares(record)
    labels = [f"{phase} {means[phase]:.0%}" if means[phase] >= 0.005 else f"{phase} <1%" for phase in phases]
    colours = [PHASE_COLOURS.get(phase, PALETTE[-1]) for phase in phases]
    steps, shares = [0.0, *steps], [[share[0], *share] for share in shares]  # a row tells of the steps before it
    axes.stackplot(steps, shares, colors=colours, labels=labels, linewidth=0, step="pre")
    axes.set_ylim(0, 100)
    axes.set_xlim(steps[0], steps[-1])
    axes.set_xlabel("step")
    axes.set_ylabel("% of the time")
    axes.grid(alpha=0.4)
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], names[::-1], loc="outside right center")


def _per_group(figure: Any, record: RunRecord, key: str, whole: str, scale: str) -> None:
    axes = figure.subplots()
    groups = record.names(key)
    curves = {group: record.curve(key, group) for group in groups} if groups else {"": record.curve(whole)}
    curves = _equal_together(curves)
    for number, (group, curve) in enumerate(curves.items()):
        if curve:
            plot_curve(axes, curve, group, PALETTE[number % len(PALETTE)], noisy=scale == "log")
    if scale == "log":
        use_log_scale(axes, [value for curve in curves.values() for _, value in curve])
    else:
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3))
    _mark_stages(axes, record)
    axes.set_xlabel("step")
    axes.set_ylabel(whole.replace("_", " "))
    if groups:
        axes.legend()


def _equal_together(curves: dict[str, Curve]) -> dict[str, Curve]:
    """Curves that lie over each other become one with all their names."""
    names: dict[tuple[tuple[int, float], ...], list[str]] = {}
    for name, curve in curves.items():
        names.setdefault(tuple(curve), []).append(name)
    return {", ".join(those): list(curve) for curve, those in names.items()}
