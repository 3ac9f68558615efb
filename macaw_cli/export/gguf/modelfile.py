"""The `Modelfile` with which Ollama makes a model of a GGUF file.

Source: Ollama's documentation of the Modelfile and of its templates, which are Go's. Ollama is not run here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

SYSTEM, USER, ANSWER, NEXT = "0system0", "0user0", "0answer0", "0next0"
"""Contents by which a rendered conversation is taken apart."""
Render = Callable[[Sequence[dict[str, str]]], str]


@dataclass(frozen=True)
class Turns:
    """What a chat template writes around contents."""

    beginning: str
    """Before the first question, where there is no system prompt."""
    before_system: str
    after_system: str
    """Between a system prompt and the first question."""
    after_question: str
    """Up to where the answer begins."""
    after_answer: str
    """Up to the next question."""


def turns_of(render: Render) -> Turns | None:
    """A chat template taken apart; None where it does not treat all contents alike.

    Args:
        render: messages to text, up to where the answer begins.
    """
    system, user = {"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}
    answer, following = {"role": "assistant", "content": ANSWER}, {"role": "user", "content": NEXT}
    try:
        alone, asked, told = render([user]), render([user, answer, following]), render([system, user])
        beginning, after_question = alone.split(USER)
        before_system, rest = told.split(SYSTEM)
        after_system, again = rest.split(USER)
        first, between = asked.split(ANSWER)
        after_answer, end = between.split(NEXT)
    except ValueError:
        return None
    if end != after_question or again != after_question or first != beginning + USER + after_question:
        return None
    return Turns(beginning, before_system, after_system, after_question, after_answer)


def modelfile(llm: str, projector: str, turns: Turns | None, stops: Sequence[str]) -> str:
    """The text of the file.

    Args:
        llm: name of the LLM's file.
        projector: name of the projector's file; empty where there is none.
        turns: of the chat template; None leaves it to Ollama.
        stops: texts that end an answer.
    """
    lines = ["# ollama create NAME -f Modelfile", f"FROM ./{llm}"]
    lines += [f"FROM ./{projector}"] if projector else []
    if turns is not None and (text := _template(turns)):
        lines.append(f'TEMPLATE """{text}"""')
    lines += [f'PARAMETER stop "{stop}"' for stop in stops if '"' not in stop and "\n" not in stop]
    return "\n".join(lines) + "\n"


def stop_texts(tokens: Sequence[str]) -> list[str]:
    """Those of the texts that say something by themselves: white space ends no answer in Ollama."""
    return [token for token in dict.fromkeys(tokens) if token.strip()]


def _template(turns: Turns) -> str:
    """In Go's language; empty where a text of the template means something in it."""
    parts = (turns.beginning, turns.before_system, turns.after_system, turns.after_question, turns.after_answer)
    if any(mark in part for part in parts for mark in ("{{", "}}", '"""')):
        return ""
    first = f'{{{{ if eq $before "" }}}}{turns.beginning}{{{{ else if eq $before "system" }}}}{turns.after_system}'
    return (
        '{{- $before := "" }}{{- range .Messages }}'
        f'{{{{- if eq .Role "system" }}}}{turns.before_system}{{{{ .Content }}}}'
        f'{{{{- else if eq .Role "user" }}}}{first}{{{{ else }}}}{turns.after_answer}{{{{ end }}}}{{{{ .Content }}}}'
        f"{{{{- else }}}}{turns.after_question}{{{{ .Content }}}}{{{{- end }}}}"
        f"{{{{- $before = .Role }}}}{{{{- end }}}}{turns.after_question}"
    )

