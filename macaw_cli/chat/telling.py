"""What the chat says about media, answers and itself, one line each."""

from collections.abc import Sequence
from typing import Any

from macaw_cli.basics.counts import counted
from macaw_cli.basics.shown_text import shown
from macaw_cli.chat.answer import Answer
from macaw_cli.chat.changes import CHANGEABLE, shown_value
from macaw_cli.chat.session import ChatSession
from macaw_cli.chat.turns import media_of
from macaw_cli.inference.attachments import Attachment
from macaw_cli.inference.conversations import context_length

_NOTABLE_S = 0.05
"""Less of an audio file is no loss: lengths are rounded to frames and samples."""


def attachment_line(attachment: Attachment) -> str:
    """`cat.png: image, 40x30 pixels, 16 soft tokens`, with length and frames, and how much of audio was not heard."""
    what = "its soundtrack" if attachment.soundtrack else attachment.modality
    facts = []
    if attachment.pixels:
        facts.append(f"{attachment.pixels[0]}x{attachment.pixels[1]} pixels")
    if attachment.frames:
        first, last = attachment.span or (0.0, 0.0)
        facts.append(f"{counted(attachment.frames, 'frame')} between {first:.1f} and {last:.1f} s")
    if attachment.seconds:
        whole = attachment.duration or attachment.seconds
        cut = whole - attachment.seconds >= _NOTABLE_S
        facts.append(f"heard {attachment.seconds:.1f} of {whole:.1f} s" if cut else f"{attachment.seconds:.1f} s")
    facts += [counted(attachment.soft_tokens, "soft token")] if attachment.fed else []
    line = f"{attachment.path}: {what}, {', '.join(facts)}" if facts else f"{attachment.path}: {what}"
    line += f", as text: {shown(attachment.text)}" if attachment.text else ""
    return f"{line}. Warning: {attachment.warning}." if attachment.warning else line


def timing_line(answer: Answer) -> str:
    """One line below an answer: how many tokens, how many of them are which media's, how fast, why it ended."""
    ending = {"length": ", cut at max_new_tokens", "cancelled": ", stopped"}
    kinds = ", ".join(f"{kind} {count}" for kind, count in answer.soft_tokens.items())
    media = f" ({kinds})" if kinds else ""
    speed = f", {answer.tokens_per_s:.1f} tokens/s" if answer.tokens_per_s else ""
    return (
        f"[{answer.prompt_tokens}{media} + {counted(answer.completion_tokens, 'token')}, first after"
        f" {answer.first_token_s:.2f} s{speed}{ending.get(answer.ending, '')}]"
    )


def info_lines(session: ChatSession, name: str) -> list[str]:
    """The text of `/info`.

    Args:
        session: the conversation.
        name: of the model, as it is shown.
    """
    model = session.model
    told: dict[str, Any] = {
        "Model": f"{name} ({', '.join(model.config.modalities) or 'text only'})",
        "LLM": f"{model.config.get_text_config().model_type}, {_parameters(model)}, "
        f"{str(model.dtype).removeprefix('torch.')} on {model.device}",
        "Conversation": _length(session),
        "System prompt": session.settings.system or "none",
        "Settings": ", ".join(_set(session)) or "as the model's generation_config says",
    }
    lines = [f"{title + ':':15}{text}" for title, text in told.items()]
    lines += [f"In turn {number}: {attachment_line(one)}" for number, one in _placed(session)]
    return lines + [f"Attached: {attachment_line(one)}" for one in session.pending]


def _placed(session: ChatSession) -> list[tuple[int, Attachment]]:
    return [(number, one) for number, turn in enumerate(session.turns, 1) for one in turn.attachments]


def _parameters(model: Any) -> str:
    millions = sum(parameter.numel() for parameter in model.language_model.parameters()) / 1e6
    return f"{millions:,.1f} M parameters" if millions < 1000 else f"{millions / 1000:,.1f} B parameters"


def _length(session: ChatSession) -> str:
    longest = context_length(session.model)
    of = f" of {longest}" if longest else ""
    turns = f"{counted(len(session.turns), 'turn')}, {counted(len(media_of(session.turns)), 'medium', 'media')}"
    if session.length is None:
        return f"{turns}; its tokens{of and f',{of} at most,'} are counted with the next answer"
    return f"{turns}, {session.length}{of} tokens, {min(session.length, session.cached_tokens)} of them in the cache"


def _set(session: ChatSession) -> Sequence[str]:
    settings, seed = session.settings, session.seed
    sampling = [name for name in CHANGEABLE if name == "seed" or getattr(settings, name) is not None]
    return [f"{name} {shown_value(settings, seed, name)}" for name in sampling]
