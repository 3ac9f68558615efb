"""How a GGUF export is proved: sequences of the source's, given to the files in fresh processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from macaw_cli.basics.atomic_files import write_json
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import COUNT, Fields, list_of
from macaw_cli.export.gguf import llama_cpp_answers, transformers_answers
from macaw_cli.export.gguf.chat_templates import CLOSES, OPENS, rendered
from macaw_cli.export.gguf.llama_cpp_library import installed, name_and_version
from macaw_cli.export.gguf.proof import LIMITS, TIES, GgufProof, InLlamaCpp, cosine_distance, likeliest, same_answer
from macaw_cli.export.gguf.reading import not_read
from macaw_cli.export.proving.answers import Answer, last_logits
from macaw_cli.export.proving.examples import ProofExample
from macaw_cli.export.proving.exchange import read_arrays, run_fresh, save_arrays, scratch_folder
from macaw_cli.export.proving.proof import compare
from macaw_cli.export.source import ExportSource
from macaw_cli.modalities.table import Modality
from macaw_cli.model.text.templates import parts_of

MARK = f"{OPENS}{CLOSES}"
"""llama.cpp's default mark of a medium."""
LOADER = "AutoModelForCausalLM with gguf_file"
_SAID = list_of(Fields({"prompt": list_of(list_of(COUNT)), "answer": list_of(COUNT)}))
SPARE = 32
"""Positions beyond a prompt and its answer."""


@dataclass(frozen=True)
class Written:
    """What an exported folder holds."""

    weights: str
    """Number format of the LLM's file."""
    llm: str
    """Name of the LLM's file."""
    template: str
    """Its chat template."""
    begins: bool
    """Whether it says that every text begins with the token for it."""
    projector: str = ""
    """Name of the projector's file; empty where there is none."""
    modality: Modality = ""
    """What the projector is for."""
    brings_ends: bool = False
    """Whether the projector's file holds the begin and the end token."""
    moved: Mapping[int, int] = field(default_factory=dict)
    """Ids of begin and end tokens in the model, to those in the file."""


@dataclass(frozen=True)
class Sequence:
    """One example with the source's greedy answer."""

    example: ProofExample
    ids: NDArray[Any]
    """(T + L,) of the prompt and the answer, placeholders of media included."""
    embeds: NDArray[Any]
    """(T + L, D) fp32: what the LLM reads."""
    logits: NDArray[Any]
    """(P, V) of the source, of the last P positions."""
    prompt: int
    """T."""

    @property
    def answer(self) -> list[int]:
        """The greedy answer."""
        return [int(one) for one in self.ids[self.prompt :]]

    @property
    def chosen(self) -> NDArray[Any]:
        """(L, V): the logits that chose it."""
        return self.choosing(self.logits)

    def choosing(self, logits: NDArray[Any]) -> NDArray[Any]:
        """(L, V): of logits of the last positions those that choose the answer."""
        return logits[-len(self.answer) - 1 : -1]


@torch.inference_mode()
def sequences_of(source: ExportSource) -> list[Sequence]:
    """All examples that the LLM answers without what GGUF has not: those without media where there is an injection."""
    model, made = source.model, []
    for example, expected in zip(source.examples, source.expected, strict=True):
        if model.config.injection and example.media:
            continue
        inputs = dict(source.inputs(example))
        prompt, answer = inputs["input_ids"], torch.from_numpy(expected.greedy)[None]
        whole = torch.cat([prompt, answer], dim=1)
        mask = torch.ones_like(whole)
        fused = model.fuse_inputs(**{**inputs, "input_ids": whole, "attention_mask": mask})
        logits = model.language_model(inputs_embeds=fused[0]).logits[0].float().numpy()
        kept = last_logits(logits)
        made.append(Sequence(example, whole[0].numpy(), fused[0][0].float().numpy(), kept, prompt.shape[1]))
    return made


def prove_gguf(source: ExportSource, sequences: list[Sequence], folder: Path, written: Written) -> GgufProof:
    """Load the files in fresh processes and compare.

    Args:
        source: the model.
        sequences: of `sequences_of`.
        folder: with the files.
        written: what is in it.

    Raises:
        MismatchError: a file does not load.
    """
    limit = LIMITS[written.weights]
    examples = [sequence.example for sequence in sequences]
    logits = _by_transformers(source, sequences, folder, written.llm)
    expected = [Answer(one.logits, one.ids[one.prompt :]) for one in sequences]
    found = []
    for sequence, theirs in zip(sequences, logits, strict=True):
        tolerance = TIES[written.weights] * float(np.abs(sequence.logits).max())
        greedy = likeliest(sequence.choosing(theirs), sequence.chosen, sequence.answer, tolerance)
        found.append(Answer(theirs, greedy))
    proof = compare(expected, found, examples, limit, LOADER)
    run = None
    if installed():
        asked = [
            sequence
            for sequence in sequences
            if sequence.example.modalities in ((), (written.modality,))  # several at once are not carried
        ]
        run = _by_llama_cpp(source, asked, folder, written)
    return GgufProof(**proof.as_json(), llama_cpp=run)


def _by_transformers(source: ExportSource, sequences: list[Sequence], folder: Path, llm: str) -> list[NDArray[Any]]:
    arrays = {}
    for number, sequence in enumerate(sequences):
        if sequence.example.media:
            arrays[f"{transformers_answers.EMBEDS}-{number}"] = sequence.embeds
        else:
            arrays[f"{transformers_answers.IDS}-{number}"] = sequence.ids
    with scratch_folder() as scratch:
        write_json(scratch / transformers_answers.TOLD, not_read(source.model.config.text_config))
        save_arrays(scratch / transformers_answers.GIVEN, arrays)
        run_fresh(transformers_answers.__name__, folder, scratch, (llm,))
        logits = read_arrays(scratch / transformers_answers.LOGITS)
    return [logits[str(number)] for number in range(len(sequences))]


def _by_llama_cpp(
    source: ExportSource, sequences: list[Sequence], folder: Path, written: Written
) -> InLlamaCpp:
    requests = [_request(source, sequence, written) for sequence in sequences]
    media = {str(number): one.example.media[0][1] for number, one in enumerate(sequences) if one.example.media}
    with scratch_folder() as scratch:
        write_json(scratch / llama_cpp_answers.REQUESTS, requests)
        save_arrays(scratch / llama_cpp_answers.MEDIA, media)
        run_fresh(llama_cpp_answers.__name__, folder, scratch, [written.llm, *filter(None, [written.projector])])
        said = read_object(scratch / llama_cpp_answers.SAID, _SAID)
        arrays = read_arrays(scratch / llama_cpp_answers.ARRAYS)
    differences, distances, prompts, answers = [0.0], [], 0, 0
    for number, (sequence, one) in enumerate(zip(sequences, said, strict=True)):
        scale = float(np.abs(sequence.logits).max())
        answers += same_answer(one["answer"], sequence.chosen, sequence.answer, 2 * TIES[written.weights] * scale)
        around = _places(source, sequence, written)
        prompts += one["prompt"] == _text_chunks(sequence, around, written)
        if (theirs := arrays.get(f"logits-{number}")) is not None:
            rows, width = sequence.logits.shape
            differences.append(float(np.abs(theirs[-rows:, :width] - sequence.logits).max()) / scale)
        if (theirs := arrays.get(f"soft-{number}")) is not None:
            distances.append(cosine_distance(sequence.embeds[around], theirs))
    count = len(sequences)
    farthest = max(distances) if distances else None
    return InLlamaCpp(name_and_version(), max(differences), count, prompts, count, answers, farthest)


def _request(source: ExportSource, sequence: Sequence, written: Written) -> dict[str, Any]:
    """What llama.cpp's programs would do for somebody who attaches the medium to the question."""
    messages = [
        {"role": message["role"], "content": "".join(part.get("text", MARK) for part in parts_of(message))}
        for message in sequence.example.messages
    ]
    marked = sum(message["content"].count(MARK) for message in messages)
    if len(sequence.example.media) > marked:  # it has no place of its own
        question = next(message for message in messages if message["role"] == "user")
        question["content"] = MARK * len(sequence.example.media) + question["content"]
    tokenizer = source.processor.tokenizer
    text = rendered(tokenizer, written.template, messages)
    return {
        # as they do: the file says that the first token is added, so that the template's own is taken away
        "text": text.removeprefix(tokenizer.bos_token or "") if written.begins else text,
        "beginning": True, "ids": sequence.ids.tolist(), "count": len(sequence.answer),
        "positions": len(sequence.ids) + SPARE,
    }  # fmt: skip


def _places(source: ExportSource, sequence: Sequence, written: Written) -> NDArray[Any]:
    """(T + L,) bool: the positions that the projector's file fills."""
    soft: NDArray[Any] = sequence.ids == source.model.config.soft_token_ids.get(written.modality, -1)
    if written.brings_ends:
        soft[:-1] |= soft[1:]
        soft[1:] |= soft[:-1]
    return soft


def _text_chunks(sequence: Sequence, around: NDArray[Any], written: Written) -> list[list[int]]:
    """The prompt's ids in the file, before, between and behind media."""
    chunks: list[list[int]] = [[]]
    for identity, is_medium in zip(sequence.ids[: sequence.prompt].tolist(), around, strict=False):
        if is_medium:
            chunks += [[]] if chunks[-1] else []
        else:
            chunks[-1].append(written.moved.get(identity, identity))
    return [chunk for chunk in chunks if chunk]
