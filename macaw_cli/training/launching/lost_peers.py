"""What an error of gloo, NCCL or torch's store says about the other processes: one has gone, or one does not answer."""

import re
from pathlib import Path
from typing import Literal

from macaw_cli.basics.errors import ResourceError

PEER_LOST = re.compile(
    "closed by (remote )?peer|reset by peer|broken pipe|connection was likely closed|ncclRemoteError", re.IGNORECASE
)
"""How they say that another process has gone; any other error of theirs is one of its own."""
PEER_SILENT = re.compile(
    "timed out waiting|gloo/transport.*(timed out|timeout)|wait timeout after|collective operation timeout",
    re.IGNORECASE,
)
"""How they say that it does not answer."""
NETWORK_ADVICE = (
    "If the others are slow rather than stuck, raise MACAW_COLLECTIVE_TIMEOUT_S (seconds); NCCL_DEBUG=INFO shows "
    "what NCCL does, and NCCL_SOCKET_IFNAME (GLOO_SOCKET_IFNAME on CPUs) names the network card to use."
)


def of_peer(error: RuntimeError) -> Literal["lost", "silent"] | None:
    """What an error between processes says of another one; None for an error of this process itself."""
    if PEER_SILENT.search(str(error)):
        return "silent"
    return "lost" if PEER_LOST.search(str(error)) else None


def detail_of(error: RuntimeError) -> str:
    """Its first line, behind the place in gloo's source."""
    return str(error).splitlines()[0].rpartition("] ")[2]


def silent_peer(ranks: str, count: int, detail: str, checkpoints: Path) -> ResourceError:
    """The error that some processes waited in vain.

    Args:
        ranks: who waited.
        count: of all processes.
        detail: what the library said.
        checkpoints: of the run.
    """
    return ResourceError(
        f"Process {ranks} of {count} waited for another process without success ({detail}).",
        f"{continues(checkpoints)} {NETWORK_ADVICE}",
    )


def continues(checkpoints: Path) -> str:
    """How a run whose processes died goes on."""
    return f"The checkpoints in {checkpoints} are kept: `macaw train --resume` continues."
