"""`description`: a request to describe the medium, and a detailed description (LLaVA, arXiv 2304.08485, section 3)."""

from macaw_cli.dataset.generation.kinds.kind import ExampleKind

DESCRIPTION = ExampleKind(
    "description",
    "Write {pairs} pair(s) of a request to describe this {medium} and a description that fulfills it. Word each "
    "request differently. Each description is one paragraph of two to six sentences and holds only what is certain.",
    most_pairs=3,
)
