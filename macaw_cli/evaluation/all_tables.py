"""The tables that `macaw evaluate` prints, in their order."""

from collections.abc import Mapping
from typing import Any

from macaw_cli.evaluation.in_context.order_table import ORDER_COLUMNS, order_rows
from macaw_cli.evaluation.in_context.reasoning_table import REASONING_COLUMNS, reasoning_rows
from macaw_cli.evaluation.judge_table import JUDGE_COLUMNS, judge_rows
from macaw_cli.evaluation.presentation import (
    COLUMNS,
    MEDIUM_COLUMNS,
    PAIR_COLUMNS,
    TEXT_COLUMNS,
    medium_rows,
    pair_rows,
    table_rows,
    text_rows,
    turn_rows,
)

TABLES = (
    ("Held-out questions", COLUMNS, table_rows),
    ("Turns of conversations", COLUMNS, turn_rows),
    ("Pairs of media with different answers", PAIR_COLUMNS, pair_rows),
    ("Reliance on each medium", MEDIUM_COLUMNS, medium_rows),
    ("Answers without choices", TEXT_COLUMNS, text_rows),
    ("Answers without choices, scored by a judge", JUDGE_COLUMNS, judge_rows),
    ("Chain of thought", REASONING_COLUMNS, reasoning_rows),
    ("Orders of the demonstrations", ORDER_COLUMNS, order_rows),
)


def tables_of(figures: Mapping[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Title, heads of the columns and rows of each table that has any.

    Args:
        figures: the JSON of `macaw evaluate --json`.
    """
    made = [(title, columns, rows_of(figures)) for title, columns, rows_of in TABLES]
    return [(title, list(columns), rows) for title, columns, rows in made if rows]
