"""The prompts of ScienceQA: question, context and options in a chosen order, with or without rationales.

Source: Lu et al., arXiv 2209.09513, section 4, and their published code; input QCMG is that of M-CoT (Zhang et al.,
arXiv 2302.00923), whose second stage reads a rationale that the first one wrote.
"""

from dataclasses import dataclass

from macaw_cli.evaluation.tasks.lettered import LETTERS

BECAUSE = "BECAUSE:"


@dataclass(frozen=True)
class Problem:
    """What a prompt needs of one problem."""

    question: str
    choices: tuple[str, ...]
    answer: int
    """Place of the right choice."""
    hint: str = ""
    lecture: str = ""
    solution: str = ""
    caption: str = ""


def prompt(problem: Problem, order: str, rationale: str = "") -> str:
    """A problem up to `Answer:`.

    Args:
        problem: that is asked.
        order: such as `QCM`, see `ScienceqaSettings.input`.
        rationale: that a model wrote, for `QCMG`.
    """
    return _tidy(f"{_asked(problem, order, rationale)}\nAnswer:")


def demonstration(problem: Problem, order: str, output: str) -> str:
    """A problem with its answer.

    Args:
        problem: that is shown.
        order: of its parts; in place of a rationale that a model wrote stands that of the data.
        output: such as `ALE`, see `ScienceqaSettings.output`.
    """
    asked = _asked(problem, order, f"{_line(problem.lecture)} {_line(problem.solution)}")
    return _tidy(f"{asked}\nAnswer: {_answer(problem, output)}")


def _asked(problem: Problem, order: str, rationale: str) -> str:
    context = " ".join(text for text in (problem.hint.strip(), problem.caption) if text)
    options = " ".join(f"({letter}) {text}" for letter, text in zip(LETTERS, problem.choices, strict=False))
    reasons = {"L": _line(problem.lecture), "E": _line(problem.solution), "G": _line(rationale)}
    lines, because = [], ""
    for part in order:
        if part in reasons:
            because = f"{because} {reasons[part]}".strip()
            continue
        if because:
            lines.append(f"{BECAUSE} {because}")
            because = ""
        lines.append({"Q": f"Question: {problem.question}", "C": f"Context: {context or 'N/A'}",
                      "M": f"Options: {options}"}[part])  # fmt: skip
    return "\n".join([*lines, *([f"{BECAUSE} {because}"] if because else [])])


def _answer(problem: Problem, output: str) -> str:
    """What is said; the published code has lecture and solution the wrong way round where only one follows."""
    said = f"The answer is {LETTERS[problem.answer]}."
    swapped = {"AL": "AE", "AE": "AL"}.get(output, output)
    reasons = {"L": _line(problem.lecture), "E": _line(problem.solution)}
    before, _, behind = swapped.partition("A")
    reason = " ".join(reasons[part] for part in before + behind)
    if before:
        return f"{reason} {said}"
    return f"{said} {BECAUSE} {reason}" if behind and reason.strip() else said


def _line(text: str) -> str:
    r"""A text in one line: a line break is written `\n`, as a model is stopped at the first one."""
    return text.replace("\n", "\\n")


def _tidy(text: str) -> str:
    return text.replace("  ", " ").strip()
