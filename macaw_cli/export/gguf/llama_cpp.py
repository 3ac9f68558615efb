"""llama.cpp in this process, where it is installed: tokens, logits, greedy answers, and the soft tokens of media.

Only a process that ends right after should use it: a file that llama.cpp cannot load may end the process.
"""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from macaw_cli.export.gguf.llama_cpp_library import LOG, Text, functions

SPARE = 8
"""Tokens beyond the bytes of a text."""
FLOAT32, TEXT_CHUNK, ERROR = 0, 0, 4
"""Numbers of a type, of a kind of chunk and of a level of messages in llama.cpp."""


class LlamaCpp:
    """One LLM, with a projector for media where one is given.

    Args:
        path: of the LLM's GGUF.
        projector: of the `mmproj` GGUF.
        longest: positions of the context.

    Raises:
        RuntimeError: llama.cpp does not load a file.
    """

    def __init__(self, path: Path, projector: Path | None = None, longest: int = 512) -> None:
        self.lib = functions()
        self._told: list[str] = []
        self._quiet = LOG(self._hear)
        for name in ("llama_log_set", "mtmd_log_set", "mtmd_helper_log_set"):
            getattr(self.lib, name)(self._quiet, None)
        self.lib.llama_backend_init()
        self.model = self._loaded(
            path, self.lib.llama_model_load_from_file(str(path).encode(), self.lib.llama_model_default_params())
        )
        self.vocabulary = self.lib.llama_model_get_vocab(self.model)
        self.size = int(self.lib.llama_vocab_n_tokens(self.vocabulary))
        self.width = int(self.lib.llama_model_n_embd(self.model))
        self.longest = longest
        self.media = None
        if projector is not None:
            options = self.lib.mtmd_context_params_default()
            options.use_gpu = False
            self.media = self._loaded(
                projector, self.lib.mtmd_init_from_file(str(projector).encode(), self.model, options)
            )

    def ids(self, text: str, *, special: bool = False, beginning: bool = True) -> list[int]:
        """Token ids of a text.

        Args:
            text: any.
            special: whether control tokens that it spells are control tokens.
            beginning: whether the token that every text begins with is added, where the file says so.
        """
        given = text.encode()
        most = len(given) + SPARE
        found = (ctypes.c_int32 * most)()
        count = self.lib.llama_tokenize(self.vocabulary, given, len(given), found, most, beginning, special)
        return list(found[:count])

    def ends_answer(self, identity: int) -> bool:
        """Whether a token ends an answer."""
        return bool(self.lib.llama_vocab_is_eog(self.vocabulary, identity))

    def logits(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """(T, V) logits at each position."""
        with self._context() as context:
            self._read(context, ids, every=True)
            rows = [self._row(context, place) for place in range(len(ids))]
        return np.stack(rows)

    def greedy(self, ids: Sequence[int], count: int) -> list[int]:
        """The `count` likeliest tokens behind `ids`, one after the other; an end token does not end it."""
        with self._context() as context:
            self._read(context, ids)
            return self._continued(context, count)

    def answer(self, text: str, media: Sequence[NDArray[Any]], count: int) -> tuple[list[list[int]], list[int]]:
        """Greedy tokens behind a text with media, as llama.cpp's own programs feed it.

        Args:
            text: rendered by the chat template, with `marker` where each medium stands.
            media: images (H, W, 3) uint8, or audio (samples,) fp32 at the encoder's rate.
            count: tokens to make.

        Returns:
            The ids of each chunk of text, and the tokens.
        """
        with self._chunks(text, media) as chunks, self._context() as context:
            texts = [self._ids_of(chunk) for chunk in self._each(chunks)]
            past = ctypes.c_int32()
            done = self.lib.mtmd_helper_eval_chunks(
                self.media, context, chunks, 0, 0, self.longest, True, ctypes.byref(past)
            )
            if done:
                raise RuntimeError(f"llama.cpp does not read the media (code {done})")
            return [ids for ids in texts if ids is not None], self._continued(context, count)

    def embeddings(self, medium: NDArray[Any]) -> NDArray[np.float32]:
        """(K, D) soft tokens of one medium, see `answer`."""
        rows = []
        with self._chunks(self.marker, [medium]) as chunks:
            for chunk in self._each(chunks):
                if self._ids_of(chunk) is not None:
                    continue
                if self.lib.mtmd_encode_chunk(self.media, chunk):
                    raise RuntimeError("llama.cpp does not encode the medium")
                count = int(self.lib.mtmd_input_chunk_get_n_tokens(chunk))
                made = self.lib.mtmd_get_output_embd(self.media)
                rows.append(_copied(made, count * self.width).reshape(count, self.width))
        return np.concatenate(rows)

    @property
    def marker(self) -> str:
        """What stands for a medium in a text."""
        return str(self.lib.mtmd_default_marker().decode())

    def _hear(self, level: int, text: bytes, _: Any) -> None:
        if level == ERROR:
            self._told.append(text.decode(errors="replace").strip())

    def _loaded(self, path: Path, pointer: Any) -> Any:
        if not pointer:
            raise RuntimeError(f"llama.cpp does not load {path.name}: {'; '.join(self._told[:2])}")
        return pointer

    @contextmanager
    def _context(self) -> Iterator[Any]:
        options = self.lib.llama_context_default_params()
        options.n_ctx = options.n_batch = options.n_ubatch = self.longest
        options.type_k = options.type_v = FLOAT32  # by default half precision, which moves ties
        options.flash_attn_type = 0
        context = self.lib.llama_init_from_model(self.model, options)
        if not context:
            raise RuntimeError("llama.cpp makes no context")
        try:
            yield context
        finally:
            self.lib.llama_free(context)

    def _read(self, context: Any, ids: Sequence[int], *, every: bool = False) -> None:
        batch = self.lib.llama_batch_init(len(ids), 0, 1)
        try:
            for place, identity in enumerate(ids):
                batch.token[place], batch.pos[place], batch.n_seq_id[place] = identity, place, 1
                batch.seq_id[place][0] = 0
                batch.logits[place] = every or place == len(ids) - 1
            batch.n_tokens = len(ids)
            if self.lib.llama_decode(context, batch):
                raise RuntimeError("llama.cpp does not read the tokens")
        finally:
            self.lib.llama_batch_free(batch)

    def _continued(self, context: Any, count: int) -> list[int]:
        made: list[int] = []
        while len(made) < count:
            made.append(int(self._row(context, -1).argmax()))
            one = (ctypes.c_int32 * 1)(made[-1])
            if len(made) < count and self.lib.llama_decode(context, self.lib.llama_batch_get_one(one, 1)):
                raise RuntimeError("llama.cpp does not read the tokens")
        return made

    def _row(self, context: Any, place: int) -> NDArray[np.float32]:
        return _copied(self.lib.llama_get_logits_ith(context, place), self.size)

    @contextmanager
    def _chunks(self, text: str, media: Sequence[NDArray[Any]]) -> Iterator[Any]:
        kept = [np.ascontiguousarray(medium) for medium in media]
        bitmaps = (ctypes.c_void_p * len(kept))(*map(self._bitmap, kept))
        chunks = self.lib.mtmd_input_chunks_init()
        given = text.encode()
        asked = Text(given, len(given), True, True)
        try:
            if self.lib.mtmd_tokenize(self.media, chunks, ctypes.byref(asked), bitmaps, len(kept)):
                raise RuntimeError("llama.cpp does not take the text with its media")
            yield chunks
        finally:
            self.lib.mtmd_input_chunks_free(chunks)
            for bitmap in bitmaps:
                self.lib.mtmd_bitmap_free(bitmap)

    def _bitmap(self, medium: NDArray[Any]) -> Any:
        if medium.ndim == 1:
            return self.lib.mtmd_bitmap_init_from_audio(len(medium), medium.ctypes.data)
        return self.lib.mtmd_bitmap_init(medium.shape[1], medium.shape[0], medium.ctypes.data)

    def _each(self, chunks: Any) -> Iterator[Any]:
        for place in range(int(self.lib.mtmd_input_chunks_size(chunks))):
            yield self.lib.mtmd_input_chunks_get(chunks, place)

    def _ids_of(self, chunk: Any) -> list[int] | None:
        """Of a chunk of text; None for one of media."""
        if self.lib.mtmd_input_chunk_get_type(chunk) != TEXT_CHUNK:
            return None
        count = ctypes.c_size_t()
        found = self.lib.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(count))
        return list(found[: count.value])


def _copied(pointer: Any, count: int) -> NDArray[np.float32]:
    return np.ctypeslib.as_array(pointer, (count,)).copy()
