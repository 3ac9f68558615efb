"""The chat template for an LLM that leaves macaw: with it, other programs write the prompts that the model was taught.

Contents may be parts, as OpenAI's API has them: their texts stand one behind the other, with nothing between them.
Servers that put embeddings between texts give them as parts.
"""

from macaw_cli.model.text.encoding import ConversationEncoder
from macaw_cli.model.text.templates import AFTER_RESPONSE_HEADING, INSTRUCTION, PREAMBLE, RESPONSE

_JOINED_PARTS = (
    "{%- set flat = namespace(messages=[]) -%}"
    "{%- for message in messages -%}"
    "{%- if message['content'] is string or not message['content'] -%}"
    "{%- set flat.messages = flat.messages + [message] -%}"
    "{%- else -%}"
    "{%- set joined = namespace(text='') -%}"
    "{%- for part in message['content'] -%}"
    "{%- set joined.text = joined.text + (part['text'] or '') -%}"
    "{%- endfor -%}"
    "{%- set flat.messages = flat.messages + [dict(message, content=joined.text)] -%}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- set messages = flat.messages -%}"
    "{{- '' }}"  # the text behind it keeps its white space
)
MEDIA_ROLE = "media"
"""Of a message whose contents an Alpaca prompt begins with: media without a place of their own stand there."""
_ALPACA = (
    "{{- bos_token if bos_token else '' -}}"
    f"{{%- for message in messages if message['role'] == '{MEDIA_ROLE}' -%}}"
    "{{- message['content'] -}}"
    "{%- endfor -%}"
    "{%- set said = namespace(system='', first=true) -%}"
    "{%- for message in messages if message['role'] == 'system' -%}"
    "{%- set said.system = said.system + message['content'] -%}"
    "{%- endfor -%}"
    f"{{%- for message in messages if message['role'] not in ('system', '{MEDIA_ROLE}') -%}}"
    "{%- if message['role'] == 'assistant' -%}"
    f"{{{{- {AFTER_RESPONSE_HEADING!r} + message['content'] + eos_token -}}}}"
    "{%- else -%}"
    f"{{%- if said.first -%}}{{{{- said.system or {PREAMBLE!r} -}}}}{{%- endif -%}}"
    f"{{{{- {INSTRUCTION!r} + message['content'] + {RESPONSE!r} -}}}}"
    "{%- endif -%}"
    "{%- set said.first = false -%}"
    "{%- endfor -%}"
    f"{{%- if add_generation_prompt -%}}{{{{- {AFTER_RESPONSE_HEADING!r} -}}}}{{%- endif -%}}"
)


def stock_chat_template(encoder: ConversationEncoder) -> str | None:
    """The template as a tokenizer keeps it; None where prompts have no such form.

    Args:
        encoder: of the model. Its `plain` template leaves out what is asked, and `as_published` cuts what is said:
            neither can be told in a chat template.
    """
    if encoder.template == "alpaca":
        return _JOINED_PARTS + _ALPACA
    if encoder.template == "chat":
        own: str = encoder.tokenizer.get_chat_template()
        return own if own.startswith(_JOINED_PARTS) else _JOINED_PARTS + own
    return None
