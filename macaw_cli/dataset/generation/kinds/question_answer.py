"""`question-answer`: different questions about what the medium shows, as in Macaw-LLM (arXiv 2306.09093, section 4)."""

from macaw_cli.dataset.generation.kinds.kind import ExampleKind

QUESTION_ANSWER = ExampleKind(
    "question-answer",
    "Write {pairs} different question-answer pairs about this {medium}. Ask about objects, people, actions, places, "
    "colors, positions and relations. Ask only what the {medium} answers with certainty. Each answer is a complete "
    "sentence and can be understood without the others.",
)
