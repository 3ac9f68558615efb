"""The page of prompts, from the texts in the code."""

from macaw_cli.dataset.filters.judge_rubric import SYSTEM as JUDGE
from macaw_cli.dataset.generation.kinds.registry import DEFAULT, KINDS
from macaw_cli.dataset.generation.prompt import AGAIN, CORRECTION, SYSTEM
from macaw_cli.judging.answer_rubric import SYSTEM as ANSWER_JUDGE


def page(notice: str) -> str:
    """Every kind of generated example with its prompt."""
    parts = [
        "# Kinds of generated examples and their prompts",
        notice,
        "Written for this project. `generation.prompts` names a YAML file with texts under `system` or the name of a"
        " kind, which replace these. In `system`, `{perceives}` (sees, hears, watches), `{medium}` (image, audio or"
        " video) and `{language}` are filled in; elsewhere `{pairs}` and `{medium}`. Braces of JSON are written twice.",
        f"## system\n\n{_quoted(SYSTEM)}",
    ]
    for name, kind in KINDS.items():
        facts = [
            "the default" if name == DEFAULT else "",
            f"at most {kind.most_pairs} pairs in a request" if kind.most_pairs < 100 else "",
            "the pairs of a reply are the turns of one conversation" if kind.multi_turn else "",
            f"as many accepted answers `{kind.sides[0]}` as `{kind.sides[1]}`" if len(kind.sides) > 1 else "",
        ]
        told = "; ".join(filter(None, facts))
        sentence = f"{told[0].upper()}{told[1:]}.\n\n" if told else ""
        parts.append(f"## {name}\n\n{sentence}{_quoted(kind.instruction)}")
    parts += [
        "## When more examples of an item are wanted\n\nAdded to the instruction:\n\n" + _quoted(AGAIN.strip()),
        f"## After a reply that cannot be used\n\n{_quoted(CORRECTION)}",
        "## What the filter `judge` asks\n\nSee [filters](filters.md); the conversation follows as JSON.\n\n"
        + _quoted(JUDGE),
        "## What `macaw evaluate --judge` asks\n\nSee [evaluation](evaluation.md#a-judge-for-generated-answers);"
        " question, references and answer follow as JSON.\n\n" + _quoted(ANSWER_JUDGE),
    ]
    return "\n\n".join(parts) + "\n"


def _quoted(text: str) -> str:
    return f"```text\n{text}\n```"
