"""What a generation tells: the price before the first call, and what came of it."""

from pathlib import Path
from typing import Any

from macaw_cli.basics.console import print_table, result, say
from macaw_cli.dataset.generation.estimate import ENOUGH_REPLIES, KindEstimate
from macaw_cli.dataset.generation.folder import LEDGER_FILES, REJECTS_NAME
from macaw_cli.dataset.generation.generator import Generator
from macaw_cli.dataset.generation.kept_reply import Spent
from macaw_cli.dataset.generation.kind_queue import FRUITLESS, MOST_ROUNDS
from macaw_cli.dataset.generation.running import AHEAD
from macaw_cli.dataset.generation.swapped_questions import KIND as SWAPPED

_SAMPLED = 100
"""Prompts of each kind whose largest cost is looked for."""


def show_estimate(generator: Generator, kinds: list[KindEstimate], seconds: float, answered: int) -> None:
    """The table of `--plan`, on stdout; `answered` requests need not be sent any more."""
    rows = [
        [
            kind.name, f"{kind.requests:,}", f"{kind.prompt_tokens:,.0f}", f"{kind.completion_tokens:,.0f}",
            dollars(kind.low), dollars(kind.likely), dollars(kind.high), f"{kind.measured:,}",
        ]
        for kind in kinds
    ]  # fmt: skip
    columns = ["kind", "requests", "prompt tokens", "reply tokens", "low", "likely", "high", "replies seen"]
    model, price = generator.settings.model, generator.expectation.price
    print_table(f"Generation by {model}, {len(generator.items):,} items", columns, rows)
    low, likely, high = (sum(getattr(kind, name) for kind in kinds) for name in ("low", "likely", "high"))
    result(
        f"Generation takes {sum(kind.requests for kind in kinds):,} requests for {dollars(likely)}"
        f" ({dollars(low)} to {dollars(high)}), in about {_duration(seconds)}. Price of {model}: ${price.input:g} per"
        f" million prompt tokens, ${price.output:g} per million reply tokens ({price.source})."
    )
    for kind in kinds:
        if not kind.can_fill:
            say(f"Warning: {len(generator.items):,} items are probably too few for that many examples of {kind.name}.")
    if any(kind.measured < ENOUGH_REPLIES for kind in kinds):
        each = ENOUGH_REPLIES * len(kinds)
        say(f"The length of replies is an assumption so far. --probe {each} sends {each} requests and measures it.")
    if answered:
        say(f"{answered:,} of these requests are answered in the ledger and cost nothing again.")


def show_limits(generator: Generator, spent: Spent) -> None:
    """What the limits mean, before the first call."""
    settings = generator.settings
    if spent.unanswered:
        say(
            f"{spent.unanswered:,} times a request of earlier runs was sent and no reply came; these may have cost up"
            f" to {dollars(spent.unanswered_cost)}, which counts as spent."
        )
    if settings.max_cost is not None and not generator.expectation.price.cost(1, 1):
        say(
            f"Warning: {settings.model} counts as free ({generator.expectation.price.source}), so --max-cost limits"
            " nothing."
        )
    elif settings.max_cost is not None:
        one = max(
            generator.expectation.of_tokens(queue.kind.name, generator.counted_tokens(queue, number)).bound
            for queue in generator.queues
            for number in range(0, queue.items, max(1, queue.items // _SAMPLED))
        )
        under_way = one * AHEAD * settings.concurrency
        say(
            f"At most {dollars(settings.max_cost)} will be spent;"
            f" {dollars(spent.at_most)} of it is spent or may be."
            f" Replies under way when it is reached can exceed it by {dollars(under_way)} at most."
        )


def show_generated(report: dict[str, Any], folder: Path) -> None:
    """What came: examples of each kind, rejected ones with their reasons, cost."""
    generator, run, ledger = report["generator"], report["run"], report["ledger"]
    rows = [
        [
            name, f"{kind['requests']:,}", f"{kind['accepted']:,}",
            f"{generator['want'][name]:,}" if name in generator["want"] else "-",
            f"{sum(kind['rejected'].values()):,}", dollars(kind["cost"]),
        ]
        for name, kind in generator["kinds"].items()
    ]  # fmt: skip
    print_table("Generated examples", ["kind", "requests", "accepted", "wanted", "rejected", "cost"], rows)
    reasons = [
        [f"{name}: {reason}", f"{count:,}"]
        for name, kind in generator["kinds"].items()
        for reason, count in [*kind["outcomes"].items(), *kind["rejected"].items()]
        if reason != "ok"
    ]
    if reasons:
        print_table("Outcomes of replies and reasons for rejects", ["outcome or reason", "number"], reasons)
    say(
        f"{run['replies']:,} replies from the API, {run['from_ledger']:,} from the ledger. All runs together have cost"
        f" {dollars(ledger['cost'])}. Every reply is kept in {folder / LEDGER_FILES[0]}; rejected ones are listed in"
        f" {folder / REJECTS_NAME}."
    )
    if run["stopped"]:
        say(f"Not everything was asked: {run['stopped']}. Run the same command again to continue.")
    for name, wanted in generator["want"].items():
        accepted = generator["kinds"][name]["accepted"]
        if accepted < wanted and not run["stopped"]:
            say(
                f"Warning: only {accepted:,} of {wanted:,} examples of {name} were made: {_why_short(name)}."
            )


def _why_short(name: str) -> str:
    if name == SWAPPED:
        return "no other question names something that its own captions have and another item's lack"
    return (
        f"every item was asked {MOST_ROUNDS} times, or {FRUITLESS} requests in a row gave none (see the reasons above)"
    )


def dollars(amount: float) -> str:
    """An amount, in so many digits that a small one does not become zero."""
    return f"${amount:,.2f}" if amount >= 1 or amount == 0 else f"${amount:.4f}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
