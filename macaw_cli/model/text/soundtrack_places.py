"""Where the soundtrack of a video stands that has a place in the messages: directly before the video, in its turn."""

from collections.abc import Mapping, Sequence
from typing import Any

from macaw_cli.model.text.media_places import without_first_places

AUDIO = "audio"
VIDEO = "video"


def with_soundtrack_places(
    messages: Sequence[Mapping[str, Any]], tracks: Sequence[bool], audio: int
) -> tuple[list[dict[str, Any]], list[int]]:
    """Messages in which the soundtracks of placed videos have a place, and the order in which all audio then stands.

    Videos without a place stand before everything, and so do their soundtracks; so it is with a place in the first
    question, see `without_first_places`. Where the messages have more places
    for audio than audio files are listed, one directly before a video is its soundtrack's already; other such places
    are the soundtracks' in their order, and nothing is changed.

    Args:
        messages: canonical messages.
        tracks: for each video, in order of appearance, whether it brings a soundtrack that is not listed as audio.
        audio: how many audio files are listed.

    Returns:
        The messages, and positions in the audio as it is listed: first the soundtracks, in the order of their videos,
        then the files.
    """
    given, messages = messages, without_first_places(messages)
    first_file, unplaced = sum(tracks), len(tracks) - _count(messages, VIDEO)
    surplus = max(_count(messages, AUDIO) - audio, 0)
    bringing = _videos_that_bring(messages, tracks[unplaced:])
    own = [(number, at - 1) for number, at in bringing if _type(messages[number], at - 1) == AUDIO][:surplus]
    if len(own) < surplus or not bringing:
        return [dict(message) for message in given], list(range(first_file + audio))
    free = audio - (_count(messages, AUDIO) - surplus)
    order = [*range(sum(tracks[:unplaced])), *range(first_file, first_file + free)]
    track, file = iter(range(sum(tracks[:unplaced]), first_file)), iter(range(first_file + free, first_file + audio))
    changed: list[dict[str, Any]] = []
    for number, message in enumerate(messages):
        content: Any = given[number]["content"]
        if message["content"] == content and not isinstance(content, str):
            content = []
            for at, part in enumerate(message["content"]):
                brings = (number, at) in bringing and (number, at - 1) not in own
                if brings:
                    content.append({"type": AUDIO})
                if brings or (number, at) in own:
                    order.append(next(track))
                elif part.get("type") == AUDIO:
                    order.append(next(file))
                content.append(part)
        changed.append({**message, "content": content})
    return changed, order


def without_soundtrack_places(
    messages: Sequence[Mapping[str, Any]], soundtracks: Sequence[bool]
) -> list[dict[str, Any]]:
    """The messages as they were before: without the places of soundtracks directly before a video.

    Args:
        messages: canonical messages.
        soundtracks: for each audio, in order of appearance, whether it is a video's soundtrack.
    """
    waiting = iter(soundtracks[len(soundtracks) - _count(messages, AUDIO) :])
    changed = []
    for message in messages:
        content: Any = message["content"]
        if not isinstance(content, str):
            types = [*(part.get("type") for part in content), ""]
            content = [
                part for part, following in zip(content, types[1:], strict=True)
                if part.get("type") != AUDIO or not next(waiting) or following != VIDEO
            ]  # fmt: skip
        changed.append({**message, "content": content})
    return changed


def _videos_that_bring(messages: Sequence[Mapping[str, Any]], tracks: Sequence[bool]) -> list[tuple[int, int]]:
    """Message and part of each placed video that brings a soundtrack."""
    waiting = iter(tracks)
    return [
        (number, at)
        for number, message in enumerate(messages) if not isinstance(message["content"], str)
        for at in range(len(message["content"])) if _type(message, at) == VIDEO and next(waiting)
    ]  # fmt: skip


def _count(messages: Sequence[Mapping[str, Any]], modality: str) -> int:
    contents = [message["content"] for message in messages if not isinstance(message["content"], str)]
    return sum(part.get("type") == modality for content in contents for part in content)


def _type(message: Mapping[str, Any], at: int) -> str:
    """The type of a part; empty before the first one."""
    return str(message["content"][at].get("type")) if at >= 0 else ""
