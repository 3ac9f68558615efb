"""The chat template of a stock folder: what macaw's template makes of a conversation, as a Jinja program.

Media at the beginning of the first question stand where macaw puts media without a position of their own: the training
saw them there. Others stand where they are named.
"""

import json
from typing import Any

from macaw_cli.modalities.table import Modality
from macaw_cli.model.text.chat_pieces import BETWEEN
from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.model.text.plain_template import PLAIN_END
from macaw_cli.model.text.template_behaviour import Habits
from macaw_cli.model.text.templates import AFTER_RESPONSE_HEADING, INSTRUCTION, PREAMBLE, RESPONSE

_MEDIA = """\
{%- macro words_of(content, skipped) -%}
{%- if content is string -%}{{- content -}}
{%- elif content is not none -%}
{%- for part in content -%}
{%- if part.type == 'text' -%}{{- part.text -}}
{%- elif part.type == KIND and loop.index0 >= skipped -%}{{- MEDIUM -}}{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- set ns = namespace(media='', skipped=0, first=-1, leading=true, system='', shaped=[]) -%}
{%- for message in messages -%}
{%- if message.role == 'user' and ns.first < 0 -%}
{%- set ns.first = loop.index0 -%}
{%- if message.content is not string -%}
{%- for part in message.content -%}
{%- if part.type != KIND -%}{%- set ns.leading = false -%}
{%- elif ns.leading -%}{%- set ns.media = ns.media ~ MEDIUM -%}{%- set ns.skipped = ns.skipped + 1 -%}{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endif -%}
{%- endfor -%}
"""
_ALPACA = """\
{%- for message in messages if message.role == 'system' -%}
{%- set ns.system = ns.system ~ words_of(message.content, 0) -%}
{%- endfor -%}
{{- BEGIN ~ ns.media -}}
{%- for message in messages if message.role != 'system' -%}
{%- if message.role == 'assistant' -%}{{- BEFORE_ANSWER ~ words_of(message.content, 0) ~ END -}}
{%- else -%}
{%- if loop.index0 == 0 -%}{{- ns.system or PREAMBLE -}}{%- endif -%}
{{- INSTRUCTION ~ words_of(message.content, ns.skipped if loop.index0 == 0 else 0) ~ RESPONSE -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- BEFORE_ANSWER -}}{%- endif -%}
"""
_PLAIN = """\
{%- macro some_of(content, kind) -%}
{%- if content is string -%}{%- if kind == 'text' -%}{{- content -}}{%- endif -%}
{%- elif content is not none -%}
{%- for part in content -%}
{%- if part.type == kind -%}{{- MEDIUM if kind == KIND else part.text -}}{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- for message in messages -%}{%- set ns.media = ns.media ~ some_of(message.content, KIND) -%}{%- endfor -%}
{{- BEGIN -}}
{%- for message in messages if message.role != 'system' -%}
{%- if message.role == 'assistant' -%}{{- some_of(message.content, 'text') ~ LINE_END -}}
{%- else -%}
{{- some_of(message.content, KIND) -}}
{%- if loop.index0 > 0 or not ns.media -%}{{- some_of(message.content, 'text') ~ LINE_END -}}{%- endif -%}
{%- endif -%}
{%- endfor -%}
"""
_CHAT = """\
{%- for message in messages -%}
{%- set is_first = loop.index0 == ns.first -%}
{%- set words = words_of(message.content, ns.skipped if is_first else 0) -%}
{%- if is_first and ns.media -%}{%- set words = ns.media ~ (LINE if words else '') ~ words -%}{%- endif -%}
{%- if message.role == 'user' -%}{%- set words = ns.system ~ words -%}{%- set ns.system = '' -%}{%- endif -%}
{%- if message.role == 'system' and MOVES_SYSTEM -%}{%- set ns.system = ns.system ~ words ~ BETWEEN -%}
{%- else -%}
{%- if message.role in LISTED -%}{%- set words = [{'type': 'text', 'text': words}] -%}{%- endif -%}
{%- set ns.shaped = ns.shaped + [dict(message, content=words)] -%}
{%- endif -%}
{%- endfor -%}
{%- set messages = ns.shaped %}"""
_CUT = """\
{%- if add_generation_prompt -%}
{%- if written.endswith(CUT) -%}{%- set written = written[:written | length - CUT | length] -%}{%- endif -%}
{%- set written = written ~ OPENING -%}
{%- endif -%}
{{- written -}}"""


def folder_template(encoder: ConversationEncoder, modality: Modality, medium: str) -> str:
    """The Jinja program.

    Args:
        encoder: of the model, with its tokenizer and its template.
        modality: of the parts that are media.
        medium: what a stock processor finds in place of one, such as `<image>`.
    """
    tokenizer = encoder.tokenizer
    media = _program(_MEDIA, KIND=modality, MEDIUM=medium)
    ends = {"BEGIN": tokenizer.bos_token or "", "END": tokenizer.eos_token or "", "LINE_END": PLAIN_END}
    if encoder.template == "alpaca":
        words = {"PREAMBLE": PREAMBLE, "INSTRUCTION": INSTRUCTION, "RESPONSE": RESPONSE}
        return media + _program(_ALPACA, **ends, **words, BEFORE_ANSWER=AFTER_RESPONSE_HEADING)
    if encoder.template == "plain":
        return media + _program(_PLAIN, **ends)
    habits = encoder.habits
    system = {"MOVES_SYSTEM": habits.system != "kept", "BETWEEN": BETWEEN}
    shaped = _program(_CHAT, LINE="\n", LISTED=sorted(habits.listed), **system)
    return media + shaped + _prompted(_source(tokenizer), habits)


def _prompted(source: str, habits: Habits) -> str:
    """The LLM's own template, whose prompt ends where macaw's ends."""
    if not (habits.cut or habits.opening):
        return source
    kept = "{% set written %}" + source.removesuffix("\n") + "{% endset %}"
    return kept + _program(_CUT, CUT=habits.cut, OPENING=habits.opening)


def _source(tokenizer: Any) -> str:
    found = tokenizer.chat_template
    return str(found["default"] if isinstance(found, dict) else found)


def _program(program: str, **values: Any) -> str:
    """A program on one line, behind the values of its capital words."""
    known = "".join(f"{{%- set {name} = {json.dumps(value, ensure_ascii=False)} -%}}" for name, value in values.items())
    return known + program.replace("-%}\n{", "-%}{").replace("-}}\n{", "-}}{").removesuffix("\n")
