"""`--help` in sections, as plain text: `rich` would take as long to import as everything else that help needs."""

from collections.abc import Iterable
from typing import Any

from typer.core import TyperCommand, TyperGroup

Row = tuple[str, str]
"""What is typed, and what it does."""


class SectionedCommand(TyperCommand):
    """A command whose options stand in sections, titled by their `rich_help_panel`."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, the options of no section, then every section."""
        _write(formatter, _parameters(self, ctx))


class SectionedGroup(TyperGroup):
    """Commands in sections, titled by their `rich_help_panel`."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, then the commands."""
        _write(formatter, _parameters(self, ctx))
        # a width that nothing reaches: lines are wrapped when they are written
        _write(
            formatter,
            (
                (getattr(command, "rich_help_panel", None) or "Commands", (name, command.get_short_help_str(1000)))
                for name, command in self.commands.items()
                if not command.hidden
            ),
        )


def _parameters(command: TyperCommand | TyperGroup, ctx: Any) -> Iterable[tuple[str, Row]]:
    """Every shown parameter with its section, arguments and the options of no section first."""
    found = []
    for param in command.get_params(ctx):
        if record := param.get_help_record(ctx):
            own = getattr(param, "rich_help_panel", None)
            found.append((own or f"{param.param_type_name}s".capitalize(), record, own is not None))
    return ((section, record) for section, record, _ in sorted(found, key=lambda one: one[2]))


def _write(formatter: Any, rows: Iterable[tuple[str, Row]]) -> None:
    sections: dict[str, list[Row]] = {}
    for section, row in rows:
        sections.setdefault(section, []).append(row)
    for section, its in sections.items():
        with formatter.section(section):
            formatter.write_dl(its)
