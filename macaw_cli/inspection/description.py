"""What `macaw inspect` found: facts for scripts, and the same as lines and tables for people."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from macaw_cli.basics import console
from macaw_cli.reports.tables import Table

SHAPES_SHOWN = 3


@dataclass(frozen=True)
class Description:
    """What is in a folder.

    Args:
        kind: `feature store`, `dataset`, `run` or `model`.
        path: the folder, as it was named.
        facts: what `--json` prints besides kind and path.
        lines: `name: value` lines for people, in order.
        tables: tables for people, in order.
        next_step: the command that usually follows.
    """

    kind: str
    path: str
    facts: dict[str, Any]
    lines: dict[str, str]
    tables: list[Table] = field(default_factory=list)
    next_step: str = ""

    def as_json(self) -> dict[str, Any]:
        """The object of `macaw inspect --json`."""
        return {"kind": self.kind, "path": self.path, **self.facts}

    def show(self) -> None:
        """Print lines and tables on stdout."""
        console.result(f"{self.path}: {self.kind}")
        width = max((len(name) for name in self.lines), default=0)
        for name, value in self.lines.items():
            console.result(f"  {name:{width}}  {value}")
        for table in self.tables:
            if table.rows:
                console.print_table(table.title, table.columns, table.rows)


def span(values: list[float], unit: str) -> str:
    """`1.0 to 2.5 s`, or `1.0 s` when all are equal; empty without values."""
    if not values:
        return ""
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"


def shape_text(shape: tuple[int, ...]) -> str:
    """`(6, 50, 512)` as `6 x 50 x 512`."""
    return " x ".join(map(str, shape))


def shapes_text(shapes: Collection[tuple[int, ...]]) -> str:
    """All shapes of a modality's features in a few words.

    Returns:
        `16 x 24`; up to three in ascending order, `2 x 8, 5 x 8`; of more the range per dimension,
        `1-1500 x 384 (24 different)`.
    """
    if len(shapes) <= SHAPES_SHOWN or len({len(shape) for shape in shapes}) > 1:
        return ", ".join(shape_text(shape) for shape in sorted(shapes))
    ends = [(min(sizes), max(sizes)) for sizes in zip(*shapes, strict=True)]
    ranges = " x ".join(str(low) if low == high else f"{low}-{high}" for low, high in ends)
    return f"{ranges} ({len(shapes)} different)"
