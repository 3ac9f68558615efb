"""Everything that decides what is asked: items, kinds, prompts, model."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from macaw_cli.basics.closest_names import closest
from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.basics.shown_text import shown
from macaw_cli.config.generation_settings import GenerationSettings
from macaw_cli.config.loading import Workspace
from macaw_cli.dataset.generation.expectation import Expectation
from macaw_cli.dataset.generation.kind_queue import KindQueue
from macaw_cli.dataset.generation.kinds.registry import DEFAULT, KINDS
from macaw_cli.dataset.generation.media_files import MediaFiles
from macaw_cli.dataset.generation.pricing import price_of
from macaw_cli.dataset.generation.prompt import Prompts, read_prompts, request_messages
from macaw_cli.dataset.generation.request import Message, Request, Sampling, UnreadableMedia, request_hash
from macaw_cli.dataset.generation.shown_media import media_parts
from macaw_cli.dataset.generation.swapped_questions import KIND as SWAPPED
from macaw_cli.dataset.generation.token_counts import counter, media_tokens
from macaw_cli.dataset.items import Item
from macaw_cli.dataset.language import known_languages


@dataclass(frozen=True, slots=True)
class Generator:
    """Everything that decides what is asked."""

    settings: GenerationSettings
    sampling: Sampling
    prompts: Prompts
    items: Sequence[Item]
    queues: list[KindQueue]
    expectation: Expectation
    media: MediaFiles | None = None
    """Where the media are that the model is shown; None where it is not."""

    def request_at(self, queue: KindQueue, number: int) -> Request:
        """The request of a queue with a number: all items in order, then all again.

        Each kind begins at another item, so that small quotas of several kinds are not all about the same items.

        Raises:
            UnreadableMedia: media are shown, and a file is missing or cannot be decoded.
        """
        item, round_, messages = self._text_request(queue, number)
        if self.media is not None:
            text = {"type": "text", "text": messages[-1]["content"]}
            try:
                messages[-1]["content"] = [*media_parts(self.media.of(item)), text]
            except InputError as error:
                request = Request(item, queue.kind, queue.pairs, round_, [], "")
                raise UnreadableMedia(request, error.problem) from error
        name = request_hash(messages, self.sampling, item.id, round_)
        return Request(item, queue.kind, queue.pairs, round_, messages, name)

    def counted_tokens(self, queue: KindQueue, number: int) -> int:
        """Tokens of a prompt as counted here; media are not read for that."""
        item, _, messages = self._text_request(queue, number)
        return self.expectation.count_prompt(messages) + (media_tokens(item.media) if self.media else 0)

    def _text_request(self, queue: KindQueue, number: int) -> tuple[Item, int, list[Message]]:
        round_, place = divmod(number, len(self.items))
        begin = int.from_bytes(hashlib.sha256(queue.kind.name.encode()).digest()[:8], "big")
        item = self.items[(begin + place) % len(self.items)]
        messages = request_messages(self.prompts, item, queue.kind, queue.pairs, self.settings.language, round_)
        return item, round_, messages


def require_settings(settings: GenerationSettings) -> None:
    """Check what can be checked before any file is read.

    Raises:
        UsageError: the model, a kind, the language or the price is missing or unknown.
    """
    if not settings.model:
        raise UsageError(
            "No model was named to write the examples.", "Give --model or generation.model, such as gpt-4o-mini."
        )
    if settings.language not in known_languages():
        raise UsageError(
            f"generation.language is {settings.language}, which cannot be recognised.",
            "Use an ISO 639-1 code such as en, de or zh.",
        )
    known = [*KINDS, SWAPPED]
    unknown = sorted(set(settings.want) - set(known))
    if unknown:
        close = closest(unknown[0], known)
        meant = f" Did you mean {close[0]}?" if close else ""
        raise UsageError(f"There is no kind {shown(unknown[0])} of examples.{meant}", f"Kinds: {', '.join(known)}.")
    if set(settings.want) == {SWAPPED}:
        raise UsageError(
            f"{SWAPPED} moves questions of other examples to other items, and no other kind is wanted.",
            f"Add one, such as question-answer=1000; other kinds: {', '.join(KINDS)}.",
        )
    price_of(settings)


def make_generator(workspace: Workspace, items: Sequence[Item], media: MediaFiles | None = None) -> Generator:
    """Check the settings and prepare what is asked.

    Args:
        workspace: settings `generation`; its paths are relative to the workspace's folder.
        items: whose media have features, in the order in which they are asked about.
        media: where their files are, which `generation.show_media` needs.

    Raises:
        UsageError: the model, a kind, the language or the price is missing or unknown.
        InputError: there is no item, or the file of prompts or the tokenizer cannot be read.
    """
    settings = workspace.settings.generation
    require_settings(settings)
    if not items:
        raise InputError(
            "No source has items to generate examples from.",
            "An item is a row with media and captions: see docs/formats.md.",
        )
    sampling = Sampling(settings.model, settings.temperature, settings.max_new_tokens)
    queues = _queues(settings, len(items))
    expectation = Expectation(
        price=price_of(settings),
        sampling=sampling,
        pairs={queue.kind.name: queue.pairs for queue in queues},
        count=counter(workspace.path(settings.tokenizer) if settings.tokenizer else None),
    )
    prompts = read_prompts(workspace.path(settings.prompts) if settings.prompts else None)
    return Generator(settings, sampling, prompts, items, queues, expectation, media if settings.show_media else None)


def _queues(settings: GenerationSettings, items: int) -> list[KindQueue]:
    wanted: dict[str, int | None] = dict(settings.want) if settings.want else {DEFAULT: None}
    return [
        KindQueue(KINDS[name], min(settings.pairs, KINDS[name].most_pairs), wanted[name], items)
        for name in KINDS
        if name in wanted
    ]
