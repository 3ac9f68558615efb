"""Writes the quickstart's world: media files and the conversations about them, a pure function of the seed.

- `media/{train,heldout,unseen}/{image,audio,video}-00000.{png,wav,mp4}`
- `train.jsonl`: conversations about media/train, and text-only ones
- `heldout.jsonl`: the same about media/heldout, and those about media/unseen with "tags": ["unseen"]
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from macaw_cli.basics.atomic_files import write_jsonl
from macaw_cli.basics.console import progress
from macaw_cli.basics.disk import disk_full_is_told, require_free_space
from macaw_cli.basics.working_files import make_folder
from macaw_cli.config.quickstart_settings import QuickstartSettings
from macaw_cli.quickstart import attributes, questions, texts
from macaw_cli.quickstart.attributes import AudioContent, ImageContent, VideoContent
from macaw_cli.quickstart.audio import write_wav
from macaw_cli.quickstart.images import draw_image
from macaw_cli.quickstart.several_images import several_images
from macaw_cli.quickstart.videos import write_video

SPLITS = ("train", "heldout", "unseen")
SUFFIXES = {"image": "png", "audio": "wav", "video": "mp4"}
BYTES_PER_FILE = {"image": 8_000, "audio": 100_000, "video": 30_000}
FILES_PER_TASK = 25

Medium = ImageContent | AudioContent | VideoContent
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class PlannedFile:
    """One media file to write: what it shows, where it goes, and the seed of everything else about it."""

    medium: Medium
    modality: str
    split: str
    number: int
    seed: tuple[int, ...]

    @property
    def path(self) -> str:
        """Path relative to the world's folder."""
        return f"media/{self.split}/{self.modality}-{self.number:05d}.{SUFFIXES[self.modality]}"


def make_world(
    folder: Path,
    *,
    seed: int,
    sizes: QuickstartSettings,
    show_progress: bool = True,
    processes: int | None = None,
) -> None:
    """Write the world's media files and then its two conversation files; equal arguments give equal bytes.

    Args:
        folder: where `media/`, `train.jsonl` and `heldout.jsonl` go; files of the same names are overwritten.
        seed: the world's seed, 0 or more.
        sizes: how many files and questions.
        show_progress: whether progress is shown on stderr.
        processes: how many processes write media; None takes two where there are two cores and enough to do.

    Raises:
        ResourceError: the disk has too little room.
        UsageError: there are too few images for `quickstart.kinds`.
    """
    files = plan_world(seed, sizes)
    asked = conversations(files, seed, sizes)
    require_free_space(folder, sum(BYTES_PER_FILE[file.modality] for file in files))
    for split in SPLITS:
        make_folder(folder / "media" / split)
    if processes is None:
        processes = 2 if len(files) > 4 * FILES_PER_TASK and (os.cpu_count() or 1) > 1 else 1
    with disk_full_is_told(folder):
        shown = progress("Creating the media files", len(files), "files") if show_progress else nullcontext()
        with shown as advance:
            for written in _write_files(folder, files, processes):
                if advance is not None:
                    advance(written, "")
        for name, rows in asked.items():
            write_jsonl(folder / f"{name}.jsonl", rows)


def plan_world(seed: int, sizes: QuickstartSettings) -> list[PlannedFile]:
    """All media files of the world, balanced over the combinations of attributes."""
    files = []
    for split_number, split in enumerate(SPLITS):
        for modality_number, modality in enumerate(SUFFIXES):
            key = (seed, split_number, modality_number)
            rng = np.random.default_rng(key)
            media = _media(modality, split == "unseen", _count(sizes, modality, split), rng)
            for number, medium in enumerate(media):
                files.append(PlannedFile(medium, modality, split, number, (*key, number)))
    return files


def conversations(
    files: Sequence[PlannedFile], seed: int, sizes: QuickstartSettings
) -> dict[str, list[dict[str, Any]]]:
    """The rows of `train.jsonl` and `heldout.jsonl`, keyed "train" and "heldout"."""
    rng = np.random.default_rng((seed, 99))
    rows: dict[str, list[dict[str, Any]]] = {"train": [], "heldout": []}
    for file in files:
        asked = _ask(file.medium, rng)
        if file.split == "train":
            asked.append(questions.ask_for_description(file.medium, rng))
        target = rows["train" if file.split == "train" else "heldout"]
        target += [
            _row(f"{file.split}-{file.modality}-{file.number:05d}-{place}", question, file)
            for place, question in enumerate(asked)
        ]
    for split, per_kind in (("train", sizes.train_texts), ("heldout", sizes.heldout_texts)):
        text_questions = texts.draw_text_questions(per_kind, rng, heldout=split == "heldout")
        rows[split] += [_row(f"{split}-text-{number:05d}", question) for number, question in enumerate(text_questions)]
    for split, groups in (("train", sizes.train_groups), ("heldout", sizes.heldout_groups)):
        images = [(file.medium, file.path) for file in files if file.split == split and file.modality == "image"]
        asked_more = several_images(sizes.kinds, images, groups, np.random.default_rng((seed, 98, split == "heldout")))
        rows[split] += [{"id": f"{split}-images-{number:05d}", **row} for number, row in enumerate(asked_more)]
    sides = {"train": "train", "heldout": "val"}
    return {name: [{**row, "split": sides[name]} for row in of_side] for name, of_side in rows.items()}


def _count(sizes: QuickstartSettings, modality: str, split: str) -> int:
    """Number of files of `modality` in `split`."""
    if split != "train":
        return sizes.heldout if split == "heldout" else sizes.unseen
    return {"image": sizes.train_images, "audio": sizes.train_audios, "video": sizes.train_videos}[modality]


def _media(modality: str, unseen: bool, count: int, rng: np.random.Generator) -> list[Medium]:
    if modality == "image":
        return _deal([p for p in attributes.all_images() if (p in attributes.UNSEEN_IMAGES) == unseen], count, rng)
    if modality == "audio":
        return _deal([s for s in attributes.all_audio() if (s in attributes.UNSEEN_AUDIO) == unseen], count, rng)
    ways = [way for way in attributes.all_movements() if attributes.is_unseen_movement(*way) == unseen]
    movements = _deal(ways, count, rng)
    sounds = [sound for sound in attributes.all_audio() if sound not in attributes.UNSEEN_AUDIO]
    beeps = _deal([sound for sound in sounds if sound.sound == "beep"], (count + 1) // 2, rng)
    others = _deal([sound for sound in sounds if sound.sound != "beep"], count // 2, rng)
    heard = [*beeps, *others]
    order = rng.permutation(count)
    return [VideoContent(*movement, heard[place]) for movement, place in zip(movements, order, strict=True)]


def _deal(things: Sequence[Thing], count: int, rng: np.random.Generator) -> list[Thing]:
    """Take `count` of `things` in random order, each as often as any other (give or take one)."""
    dealt: list[Thing] = []
    while len(dealt) < count:
        dealt += [things[place] for place in rng.permutation(len(things))]
    return dealt[:count]


def _ask(medium: Medium, rng: np.random.Generator) -> list[questions.Question]:
    if isinstance(medium, ImageContent):
        return questions.ask_about_image(medium, rng)
    if isinstance(medium, AudioContent):
        return questions.ask_about_audio(medium, rng)
    return questions.ask_about_video(medium, rng)


def _row(name: str, question: questions.Question, file: PlannedFile | None = None) -> dict[str, Any]:
    row: dict[str, Any] = {"id": name}
    if file is not None:
        row[file.modality] = [file.path]
    row["messages"] = [{"role": "user", "content": question.text}, {"role": "assistant", "content": question.answer}]
    row["kind"] = question.kind
    if question.choices:
        row["choices"] = list(question.choices)
    if file is not None and file.split == "unseen":
        row["tags"] = ["unseen"]
    return row


def _write_files(folder: Path, files: Sequence[PlannedFile], processes: int) -> Iterator[int]:
    """Write all `files`, and yield now and then how many more are done."""
    tasks = [files[begin : begin + FILES_PER_TASK] for begin in range(0, len(files), FILES_PER_TASK)]
    if processes == 1:
        yield from (write_media(folder, task) for task in tasks)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(write_media, [folder] * len(tasks), tasks)


def write_media(folder: Path, files: Sequence[PlannedFile]) -> int:
    """Write `files` below `folder`; returns their number."""
    for file in files:
        path, rng = folder / file.path, np.random.default_rng(file.seed)
        if isinstance(file.medium, ImageContent):
            draw_image(file.medium, rng).save(path)
        elif isinstance(file.medium, AudioContent):
            write_wav(path, file.medium, rng)
        else:
            write_video(path, file.medium, rng)
    return len(files)
