"""`reasoning`: questions that need a conclusion from what is seen or heard (LLaVA, arXiv 2304.08485, section 3)."""

from macaw_cli.dataset.generation.kinds.kind import ExampleKind

REASONING = ExampleKind(
    "reasoning",
    "Write {pairs} question-answer pairs about this {medium} that require reasoning: causes, purposes, what happens "
    "next, or what follows from several details together. Each answer names the details it rests on before it "
    "concludes. Do not ask what common knowledge alone answers.",
)
