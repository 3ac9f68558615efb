"""Writes the quickstart's world: media files and the conversations about them, a pure function of the seed.

- `media/{train,heldout,unseen}/{image,audio,video}-00000.{png,wav,mp4}`, and the like of other modalities
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
from typing import Any

import numpy as np

from macaw_cli.basics.atomic_files import write_jsonl
from macaw_cli.basics.console import progress
from macaw_cli.basics.disk import disk_full_is_told, require_free_space
from macaw_cli.basics.working_files import make_folder
from macaw_cli.config.quickstart_settings import QuickstartSettings
from macaw_cli.quickstart import questions, texts
from macaw_cli.quickstart.several_images import several_images
from macaw_cli.quickstart.worlds.table import BY_MODALITY, WORLDS, worlds_of

SPLITS = ("train", "heldout", "unseen")
FILES_PER_TASK = 25


@dataclass(frozen=True)
class PlannedFile:
    """One media file to write: what it shows, where it goes, and the seed of everything else about it."""

    medium: Any
    modality: str
    split: str
    number: int
    seed: tuple[int, ...]

    @property
    def path(self) -> str:
        """Path relative to the world's folder."""
        return f"media/{self.split}/{self.modality}-{self.number:05d}.{BY_MODALITY[self.modality].suffix}"


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
    require_free_space(folder, sum(BY_MODALITY[file.modality].bytes_per_file for file in files))
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
    """All media files of the world, balanced over the combinations of attributes.

    Raises:
        UsageError: a modality has no world.
    """
    files = []
    for split_number, split in enumerate(SPLITS):
        for world in worlds_of(sizes.modalities):
            key = (seed, split_number, WORLDS.index(world))
            rng = np.random.default_rng(key)
            media = world.contents(_count(sizes, world.modality, split), rng, unseen=split == "unseen")
            for number, medium in enumerate(media):
                files.append(PlannedFile(medium, world.modality, split, number, (*key, number)))
    return files


def conversations(
    files: Sequence[PlannedFile], seed: int, sizes: QuickstartSettings
) -> dict[str, list[dict[str, Any]]]:
    """The rows of `train.jsonl` and `heldout.jsonl`, keyed "train" and "heldout"."""
    rng = np.random.default_rng((seed, 99))
    rows: dict[str, list[dict[str, Any]]] = {"train": [], "heldout": []}
    for file in files:
        world = BY_MODALITY[file.modality]
        asked = world.ask(file.medium, rng)
        if file.split == "train":
            asked += world.ask_in_training(file.medium, rng)
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
    own = {"image": sizes.train_images, "audio": sizes.train_audios, "video": sizes.train_videos}
    return own.get(modality, sizes.train_others)


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
        BY_MODALITY[file.modality].write(path, file.medium, rng)
    return len(files)
