"""The parent's side of one `worker_process`: start it, talk to it, know how it ended."""

import json
import os
import queue
import signal
import threading
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from macaw_cli.basics import child
from macaw_cli.features.engines.work_order import WorkOrder, job_text
from macaw_cli.features.journal import Job

_GRACE_S = 10.0
"""Time for removing what is unfinished, before a worker is killed."""

Message = dict[str, Any]
Inbox = queue.Queue[tuple["Worker", Message | None]]


class Worker:
    """A process with an encoder of its own on `device` (`cpu` or `cuda:1`).

    Attributes:
        in_hand: jobs that were given to it and have no result yet, by number.
        stages: its seconds per stage so far.
        counted: media it has told as progress since its last result.
        reason: why it ended, when it said so.
    """

    def __init__(self, device: str, order: WorkOrder, decoders: int, inbox: Inbox) -> None:
        self.device, self.in_hand, self.counted, self.reason = device, dict[int, Job](), 0, ""
        self.stages: dict[str, float] = {}
        told = json.dumps(asdict(order.for_worker("cuda" if device.startswith("cuda") else "cpu", decoders)))
        self._process = child.start(
            "macaw_cli.features.engines.worker_process", str(os.getpid()), environment=_visible(device),
            alone=True,  # Ctrl-C is the parent's, also while this one is still starting
            encoding="utf-8",
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, args=(inbox,), name=f"worker on {device}", daemon=True)
        self._reader.start()
        self._send(told)

    def give(self, job: Job) -> None:
        """Let it begin `job`."""
        self.in_hand[job.number] = job
        self._send(f'{{"job": {job_text(job)}}}')

    def let_finish(self) -> None:
        """There is nothing to begin now: finish what is begun."""
        self._send("{}")

    def end(self) -> None:
        """There are no more jobs."""
        self._send('{"end": true}')

    def wait(self) -> str:
        """Wait for its end; how it ended, as the end of the sentence "the worker ..."."""
        code = self._process.wait()
        if self.reason:
            return f"failed ({self.reason})"
        if code == -signal.SIGKILL:
            return "was killed, probably because memory ran out"
        return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def stop(self) -> None:
        """End it, whatever it does; its decoders end with it."""
        if self._process.poll() is None:
            self._process.terminate()

    def close(self) -> None:
        """Be sure that it is gone."""
        child.end(self._process, _GRACE_S, self._reader)

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, and its end is in the inbox
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def _read(self, inbox: Inbox) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.endswith("\n"):
                break  # killed in the middle of a line
            inbox.put((self, json.loads(line)))
        inbox.put((self, None))


def _visible(device: str) -> dict[str, str]:
    """With `cuda:1` the second of the GPUs that this process may use is the only one that the worker sees."""
    kind, _, number = device.partition(":")
    if kind != "cuda":
        return {}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return {"CUDA_VISIBLE_DEVICES": visible.split(",")[int(number)].strip() if visible else number}
