"""`unanswerable`: questions that the medium does not answer, with an answer that says so."""

from macaw_cli.dataset.generation.kinds.kind import ExampleKind

UNANSWERABLE = ExampleKind(
    "unanswerable",
    "Write {pairs} natural questions about this {medium} that it does not answer, such as the name of a person, a "
    "reason, a time, or something outside of what is shown. Each answer says in one or two sentences that this cannot "
    "be told from the {medium}, and why. Do not guess.",
    most_pairs=5,
)
