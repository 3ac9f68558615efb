"""`multi-turn`: one conversation of several turns, each about the medium (LLaVA, arXiv 2304.08485, section 3)."""

from macaw_cli.dataset.generation.kinds.kind import ExampleKind

MULTI_TURN = ExampleKind(
    "multi-turn",
    "Write one conversation of {pairs} turns between a person and an assistant about this {medium}. Each turn is one "
    "question-answer pair, in the order in which they are said. Later questions may refer to earlier answers.",
    most_pairs=5,
    multi_turn=True,
)
