"""The child process in which files are decoded, so that a decoder that hangs, crashes or swells can be ended.

Started as `python -m macaw_cli.media.decoder_process MEMORY_MIB` by `decoder_client.py`. Requests come on standard
input, answers go to what was standard output; both are frames of a length, a JSON header and the bytes of the arrays
it lists. No pickle: a decoder that was taken over by a malicious file can send data only.
"""

import json
import os
import signal
import struct
import sys
from typing import Any, BinaryIO

from macaw_cli.basics.child_side import end_with_parent, limit_memory
from macaw_cli.basics.memory import keep_freed_memory

LENGTH = struct.Struct(">Q")
_KEPT_BYTES = 64 << 20


def main() -> None:
    """Answer requests until standard input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not print into the answers
    _protect(int(sys.argv[1]))
    keep_freed_memory(_KEPT_BYTES // 2, _KEPT_BYTES)  # images: fresh pages took a third of the CPU time
    from macaw_cli.media.decoding import decode

    while (request := _read_request(requests)) is not None:
        _answer(answers, *_attempt(decode, request))


def _attempt(decode: Any, request: Any) -> tuple[dict[str, Any], list[Any]]:
    from macaw_cli.basics.errors import InputError
    from macaw_cli.media.decoding import label_of

    try:
        meta, arrays = decode(request)
    except InputError as error:
        return {"problem": error.problem, "kind": type(error).__name__}, []
    except MemoryError:
        return {"problem": f"{label_of(request)} needs more memory to decode than a decoder may have."}, []
    except Exception as error:  # any library may raise anything on a malformed file; the parent names it as the reason
        return {"problem": f"{label_of(request)} cannot be decoded ({type(error).__name__}: {error})."}, []
    listed = [{"name": name, "dtype": array.dtype.str, "shape": array.shape} for name, array in arrays.items()]
    return {"meta": meta, "arrays": listed}, list(arrays.values())


def _read_request(requests: BinaryIO) -> dict[str, Any] | None:
    head = requests.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    request: dict[str, Any] = json.loads(requests.read(LENGTH.unpack(head)[0]))
    return request


def _answer(answers: BinaryIO, header: dict[str, Any], arrays: list[Any]) -> None:
    text = json.dumps(header).encode()
    answers.write(LENGTH.pack(len(text)) + text)
    for array in arrays:
        answers.write(memoryview(array.reshape(-1)).cast("B") if array.flags.c_contiguous else array.tobytes())
    answers.flush()


def _protect(memory_mib: int) -> None:
    """Bound the memory, leave Ctrl-C to the parent, and die with it even when it is killed."""
    limit_memory(memory_mib)  # where it does nothing, the deadline and the end of standard input have to do
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(int(sys.argv[2]))


if __name__ == "__main__":
    main()
