r"""The chat template in a GGUF file: that of the training, with media where llama.cpp marks them.

llama.cpp's programs write `<__media__>`, or that with random letters in it, where a medium stands in a message; its
soft tokens take the mark's place. The templates here put begin and end tokens around the mark, and a medium at the
beginning of a message where it stood in the training: on a line of its own, with `alpaca` before everything.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from macaw_cli.model.text.plain_template import PLAIN_END
from macaw_cli.model.text.rendering import render_chat
from macaw_cli.model.text.templates import AFTER_RESPONSE_HEADING, INSTRUCTION, PREAMBLE, RESPONSE, TemplateName

OPENS, CLOSES = "<__media", "__>"
"""Around what distinguishes llama.cpp's marks."""

_SPLIT = """\
{%- set seen = namespace(messages=[], media='', text='', first=true) -%}
{%- for message in messages -%}
{%- if message['role'] == 'user' and message['content'] is string and macaw_opens in message['content'] -%}
{%- set seen.media = '' -%}{%- set seen.text = '' -%}
{%- for part in message['content'].split(macaw_opens) -%}
{%- if loop.first -%}{%- set seen.text = part -%}
{%- else -%}
{%- set pieces = part.split(macaw_closes) -%}
{%- set mark = macaw_begin + macaw_opens + pieces[0] + macaw_closes + macaw_end -%}
{%- if seen.text -%}{%- set seen.text = seen.text + mark -%}
{%- else -%}{%- set seen.media = seen.media + mark -%}{%- endif -%}
{%- set seen.text = seen.text + (pieces[1:] | join(macaw_closes)) -%}
{%- endif -%}
{%- endfor -%}
"""
"""Up to where a user's message with media is `seen.media` and `seen.text`."""
_JOINED = """\
{%- if seen.media and seen.text and not seen.text.startswith('\\n') -%}
{%- set seen.text = '\\n' + seen.text -%}
{%- endif -%}
{%- set seen.messages = seen.messages + [{'role': 'user', 'content': seen.media + seen.text}] -%}
{%- else -%}{%- set seen.messages = seen.messages + [message] -%}{%- endif -%}
{%- endfor -%}
{%- set messages = seen.messages -%}
"""
_PAIRED = """\
{%- set seen.messages = seen.messages + [{'role': 'user', 'content': seen.text, 'media': seen.media}] -%}
{%- else -%}
{%- set seen.messages = seen.messages + [{'role': message['role'], 'content': message['content'], 'media': ''}] -%}
{%- endif -%}
{%- endfor -%}
{%- set messages = seen.messages -%}
"""
_ALPACA = """\
{{- macaw_first -}}
{%- set said = namespace(system='', first=true) -%}
{%- for message in messages -%}
{%- if message['role'] == 'system' -%}{%- set said.system = said.system + message['content'] -%}
{%- elif message['role'] == 'user' -%}{{- message['media'] -}}{%- endif -%}
{%- endfor -%}
{%- for message in messages -%}
{%- if message['role'] == 'assistant' -%}{{- macaw_after + message['content'] + eos_token -}}
{%- elif message['role'] == 'user' -%}
{%- if said.first -%}{{- said.system or macaw_preamble -}}{%- set said.first = false -%}{%- endif -%}
{{- macaw_instruction + message['content'] + macaw_response -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- macaw_after -}}{%- endif -%}
"""
_PLAIN = """\
{{- macaw_first -}}
{%- set said = namespace(media='', first=true) -%}
{%- for message in messages -%}
{%- if message['role'] == 'user' -%}{%- set said.media = said.media + message['media'] -%}{%- endif -%}
{%- endfor -%}
{{- said.media -}}
{%- for message in messages -%}
{%- if message['role'] == 'assistant' -%}{{- message['content'] + macaw_line_end -}}
{%- elif message['role'] == 'user' -%}
{%- if not (said.first and said.media) -%}{{- message['content'] + macaw_line_end -}}{%- endif -%}
{%- set said.first = false -%}
{%- endif -%}
{%- endfor -%}
"""


def chat_template(tokenizer: Any, template: TemplateName, before: str, after: str) -> str:
    """The template as text.

    Args:
        tokenizer: of the LLM.
        template: of the training; of `as_published` there is only what it has in common with `alpaca`.
        before: what stands before a medium's soft tokens, as text.
        after: what stands behind them.
    """
    marks = {"opens": OPENS, "closes": CLOSES, "begin": before, "end": after}
    if template == "chat":
        return _constants(marks) + _SPLIT + _JOINED + _own(tokenizer)
    words = marks | {"first": tokenizer.bos_token or ""}
    if template == "plain":
        return _constants(words | {"line_end": PLAIN_END}) + _SPLIT + _PAIRED + _PLAIN
    words |= {"preamble": PREAMBLE, "instruction": INSTRUCTION, "response": RESPONSE, "after": AFTER_RESPONSE_HEADING}
    return _constants(words) + _SPLIT + _PAIRED + _ALPACA


def rendered(tokenizer: Any, template: str, messages: Sequence[dict[str, Any]]) -> str:
    """A conversation as llama.cpp renders it, up to where the answer begins.

    Args:
        tokenizer: of the LLM.
        template: what `chat_template` returned.
        messages: contents are text, with marks for media.
    """
    return render_chat(tokenizer, messages, chat_template=template, add_generation_prompt=True)


def _own(tokenizer: Any) -> str:
    own = tokenizer.chat_template
    return str(own.get("default", next(iter(own.values())))) if isinstance(own, dict) else str(own)


def _constants(words: Mapping[str, str]) -> str:
    return "".join(f"{{%- set macaw_{name} = {_quoted(text)} -%}}\n" for name, text in words.items())


def _quoted(text: str) -> str:
    """As a string of Jinja."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
