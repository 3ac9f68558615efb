"""`generation.json`: what was asked, what came, what was rejected and why, what it cost."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from macaw_cli.basics.urls import without_secrets
from macaw_cli.dataset.generation.asking import Asker
from macaw_cli.dataset.generation.collecting import Collected
from macaw_cli.dataset.generation.generator import Generator
from macaw_cli.dataset.generation.kept_reply import Spent


def report_of(
    generator: Generator, collected: Mapping[str, Collected], asker: Asker, spent: Spent, seconds: float
) -> dict[str, Any]:
    """The report of one run.

    Returns:
        `generator` is what decides the conversations and goes into the dataset's lock file; `run` is how it went.
    """
    settings = generator.settings
    return {
        "generator": {
            "model": settings.model,
            "endpoint": without_secrets(settings.endpoint),
            "parameters": generator.sampling.parameters,
            "pairs": settings.pairs,
            "want": dict(settings.want),
            "language": settings.language,
            "prompts": generator.prompts.hash,
            "filters": [asdict(one) for one in settings.filters],
            "items": len(generator.items),
            "kinds": {name: _kind(one) for name, one in collected.items()},
            "cost": round(sum(one.cost for one in collected.values()), 6),
        },
        "run": {
            "replies": asker.traffic.replies,
            "from_ledger": asker.traffic.from_ledger,
            "throttled": asker.traffic.throttled,
            "retried": asker.traffic.retried,
            "seconds": round(seconds, 3),
            "stopped": asker.stopped,
        },
        "ledger": {
            "replies": spent.requests, "cost": round(spent.cost, 6), "unanswered": spent.unanswered,
            "unanswered_cost_at_most": round(spent.unanswered_cost, 6),
        },
    }  # fmt: skip


def _kind(one: Collected) -> dict[str, Any]:
    return {
        "requests": one.requests,
        "accepted": one.accepted,
        "outcomes": dict(sorted(one.outcomes.items())),
        "rejected": dict(sorted(one.rejected.items())),
        "prompt_tokens": one.prompt_tokens,
        "completion_tokens": one.completion_tokens,
        "cost": round(one.cost, 6),
    }
