"""Where llama.cpp is installed, and those of its C functions that are used here.

The packages `xllamacpp` and `llama-cpp-python` bring the same functions, the former as a prebuilt wheel. Their
structures grow at the end from one version to the next; only fields at the front are named here.
"""

import ctypes
from ctypes import POINTER, c_bool, c_char_p, c_float, c_int8, c_int32, c_size_t, c_uint8, c_uint32, c_void_p
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGES = {
    "xllamacpp": ("xllamacpp", ("xllamacpp.abi3.so",)),
    "llama_cpp": ("llama-cpp-python", ("lib/libllama.so", "lib/libmtmd.so")),
}
"""Module to its package's name, and to the libraries in its folder: llama.cpp, and that for media."""
LOG = ctypes.CFUNCTYPE(None, ctypes.c_int, c_char_p, c_void_p)
LATER = 512
"""Bytes for what a structure has behind the fields that are named."""


class ModelOptions(ctypes.Structure):
    """`llama_model_params`."""

    _fields_ = (("later", c_uint8 * LATER),)


class ContextOptions(ctypes.Structure):
    """`llama_context_params`."""

    _fields_ = (
        *((name, c_uint32) for name in ("n_ctx", "n_batch", "n_ubatch", "n_seq_max")),
        ("_counts", c_uint32 * 9),
        ("flash_attn_type", c_int32),
        ("_rope", c_float * 8),
        ("_callback", c_void_p * 2),
        ("type_k", c_int32),
        ("type_v", c_int32),
        ("later", c_uint8 * LATER),
    )


class MediaOptions(ctypes.Structure):
    """`mtmd_context_params`."""

    _fields_ = (("use_gpu", c_bool), ("later", c_uint8 * LATER))


class Batch(ctypes.Structure):
    """`llama_batch`."""

    _fields_ = (
        ("n_tokens", c_int32), ("token", POINTER(c_int32)), ("embd", POINTER(c_float)), ("pos", POINTER(c_int32)),
        ("n_seq_id", POINTER(c_int32)), ("seq_id", POINTER(POINTER(c_int32))), ("logits", POINTER(c_int8)),
    )  # fmt: skip


class Text(ctypes.Structure):
    """`mtmd_input_text`."""

    _fields_ = (("text", c_char_p), ("length", c_size_t), ("add_special", c_bool), ("parse_special", c_bool))


_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "llama_backend_init": (None, ()),
    "llama_log_set": (None, (LOG, c_void_p)),
    "llama_model_default_params": (ModelOptions, ()),
    "llama_model_load_from_file": (c_void_p, (c_char_p, ModelOptions)),
    "llama_model_get_vocab": (c_void_p, (c_void_p,)),
    "llama_model_n_embd": (c_int32, (c_void_p,)),
    "llama_vocab_n_tokens": (c_int32, (c_void_p,)),
    "llama_vocab_is_eog": (c_bool, (c_void_p, c_int32)),
    "llama_tokenize": (c_int32, (c_void_p, c_char_p, c_int32, POINTER(c_int32), c_int32, c_bool, c_bool)),
    "llama_context_default_params": (ContextOptions, ()),
    "llama_init_from_model": (c_void_p, (c_void_p, ContextOptions)),
    "llama_free": (None, (c_void_p,)),
    "llama_batch_init": (Batch, (c_int32, c_int32, c_int32)),
    "llama_batch_get_one": (Batch, (POINTER(c_int32), c_int32)),
    "llama_batch_free": (None, (Batch,)),
    "llama_decode": (c_int32, (c_void_p, Batch)),
    "llama_get_logits_ith": (POINTER(c_float), (c_void_p, c_int32)),
}
_MEDIA_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "mtmd_log_set": (None, (LOG, c_void_p)),
    "mtmd_helper_log_set": (None, (LOG, c_void_p)),
    "mtmd_default_marker": (c_char_p, ()),
    "mtmd_context_params_default": (MediaOptions, ()),
    "mtmd_init_from_file": (c_void_p, (c_char_p, c_void_p, MediaOptions)),
    "mtmd_bitmap_init": (c_void_p, (c_uint32, c_uint32, c_void_p)),
    "mtmd_bitmap_init_from_audio": (c_void_p, (c_size_t, c_void_p)),
    "mtmd_bitmap_free": (None, (c_void_p,)),
    "mtmd_input_chunks_init": (c_void_p, ()),
    "mtmd_input_chunks_size": (c_size_t, (c_void_p,)),
    "mtmd_input_chunks_get": (c_void_p, (c_void_p, c_size_t)),
    "mtmd_input_chunks_free": (None, (c_void_p,)),
    "mtmd_input_chunk_get_type": (ctypes.c_int, (c_void_p,)),
    "mtmd_input_chunk_get_n_tokens": (c_size_t, (c_void_p,)),
    "mtmd_input_chunk_get_tokens_text": (POINTER(c_int32), (c_void_p, POINTER(c_size_t))),
    "mtmd_tokenize": (c_int32, (c_void_p, c_void_p, POINTER(Text), POINTER(c_void_p), c_size_t)),
    "mtmd_encode_chunk": (c_int32, (c_void_p, c_void_p)),
    "mtmd_get_output_embd": (POINTER(c_float), (c_void_p,)),
    "mtmd_helper_eval_chunks": (
        c_int32, (c_void_p, c_void_p, c_void_p, c_int32, c_int32, c_int32, c_bool, POINTER(c_int32)),
    ),
}  # fmt: skip


def installed() -> str:
    """The module that brings llama.cpp; empty where none is installed."""
    return next((module for module in PACKAGES if _libraries(module)), "")


def name_and_version() -> str:
    """What brings llama.cpp, with its version, such as `xllamacpp 2026.10.11549`."""
    package = PACKAGES[installed()][0]
    return f"{package} {version_of(package)}"


def functions() -> Any:
    """An object with the functions as methods.

    Raises:
        OSError: the libraries do not load.
    """
    libraries = [ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL) for path in _libraries(installed())]
    found = type("Functions", (), {})()
    for place, declared in ((0, _FUNCTIONS), (-1, _MEDIA_FUNCTIONS)):
        for name, (result, arguments) in declared.items():
            function = getattr(libraries[place], name)
            function.restype, function.argtypes = result, arguments
            setattr(found, name, function)
    return found


def _libraries(module: str) -> list[Path]:
    """The paths of its libraries; empty where it is not installed, or has not all of them."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return []
    paths = [Path(spec.origin).parent / name for name in PACKAGES[module][1]]
    return paths if all(path.is_file() for path in paths) else []
