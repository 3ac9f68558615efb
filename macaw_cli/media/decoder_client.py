"""The parent's side of a decoder process: ask with a deadline, end it when it does not answer, start another."""

import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

from macaw_cli.basics import child
from macaw_cli.basics.errors import InputError
from macaw_cli.media.decoder_process import LENGTH
from macaw_cli.media.decoding import Decoded, Request, label_of
from macaw_cli.media.no_audio import NoAudio
from macaw_cli.media.size_limits import TooLarge

DEFAULT_TIMEOUT_S = 60.0
DEFAULT_MEMORY_MIB = 4096
_CHUNK = 1 << 20
_KINDS: dict[str, type[InputError]] = {kind.__name__: kind for kind in (NoAudio, TooLarge)}
"""Errors that stay what they are on their way from the process; all others become `InputError`."""


class DecoderLost(Exception):
    """The process did not answer in time, or ended; `reason` completes the sentence "its decoder ..."."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DecoderProcess:
    """A persistent decoder process, started when first needed. One thread at a time, the one that started it."""

    def __init__(self, timeout_s: float = DEFAULT_TIMEOUT_S, memory_mib: int = DEFAULT_MEMORY_MIB) -> None:
        self._timeout_s, self._memory_mib = timeout_s, memory_mib
        self._process: subprocess.Popen[bytes] | None = None
        self._killed = False
        self._members: str | None = None

    def decode(self, request: Request) -> Decoded:
        """Decode one file; a video on which decord, where asked for, hangs or crashes is tried again with PyAV.

        Raises:
            InputError: the reason why the file cannot be used; `TooLarge` where it breaks the request's limits,
                `NoAudio` where audio was asked for and it has none.
        """
        if request.get("offset") is not None:
            self._members = self._members or tempfile.mkdtemp(prefix="macaw-members-")
            request = {**request, "folder": self._members}
        try:
            return self._ask(request)
        except DecoderLost as lost:
            if request.get("decoder") != "decord":
                raise InputError(f"{label_of(request)} cannot be decoded: its decoder {lost.reason}.") from None
        return self.decode({**request, "decoder": "pyav"})

    def kill(self) -> None:
        """End the process from another thread, for good: whoever waits for it gets an error."""
        self._killed = True
        if process := self._process:
            process.kill()

    def close(self) -> None:
        """End the process and remove its temporary folder; the next request starts another."""
        self._end()
        members, self._members = self._members, None
        if members is not None:
            shutil.rmtree(members, ignore_errors=True)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            child.end(process)

    def __del__(self) -> None:
        self.close()

    def _ask(self, request: Request) -> Decoded:
        if self._killed:
            raise DecoderLost("was ended")
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = self._start()
        deadline = time.monotonic() + self._timeout_s
        try:
            if self._killed:  # while it was being started, when `kill` did not see it
                raise DecoderLost("was ended")
            header = self._exchange(json.dumps(request).encode(), deadline)
            if "problem" in header:
                raise _KINDS.get(header.get("kind", ""), InputError)(header["problem"])
            arrays = {item["name"]: self._receive_array(item, deadline) for item in header["arrays"]}
            return header["meta"], arrays
        except DecoderLost:
            self._end()
            raise

    def _start(self) -> "subprocess.Popen[bytes]":
        debug = os.environ.get("MACAW_DEBUG") == "1"
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        process = child.start(
            "macaw_cli.media.decoder_process", str(self._memory_mib), str(os.getpid()),
            environment=one_thread, stderr=None if debug else subprocess.DEVNULL, bufsize=0,
        )  # fmt: skip
        if sys.platform == "linux" and process.stdout is not None:  # fewer turns between the two processes
            with contextlib.suppress(OSError):
                fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _CHUNK)
        return process

    def _exchange(self, request: bytes, deadline: float) -> dict[str, Any]:
        process = self._process
        assert process is not None and process.stdin is not None
        try:
            process.stdin.write(LENGTH.pack(len(request)) + request)
        except BrokenPipeError:
            raise DecoderLost(self._ending()) from None
        (length,) = LENGTH.unpack(self._receive(LENGTH.size, deadline))
        header: dict[str, Any] = json.loads(self._receive(length, deadline))
        return header

    def _receive_array(self, item: dict[str, Any], deadline: float) -> np.ndarray:
        dtype = np.dtype(item["dtype"])
        content = np.empty(item["shape"], dtype)
        self._fill(content.reshape(-1).view(np.uint8), deadline)
        return content

    def _receive(self, count: int, deadline: float) -> bytearray:
        content = bytearray(count)
        self._fill(content, deadline)
        return content

    def _fill(self, content: Any, deadline: float) -> None:
        assert self._process is not None and self._process.stdout is not None
        descriptor, view, got = self._process.stdout.fileno(), memoryview(content), 0
        while got < len(view):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise DecoderLost(f"did not finish within {self._timeout_s:g} s and was stopped")
            read = os.readv(descriptor, [view[got : got + _CHUNK]])
            if not read:
                raise DecoderLost(self._ending())
            got += read

    def _ending(self) -> str:
        assert self._process is not None
        code = self._process.wait()
        return f"process crashed (exit code {code}; its limit is {self._memory_mib} MiB of memory)"
