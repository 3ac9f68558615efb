"""Where a user's own records lie that are neither settings nor a cache."""

import os
from pathlib import Path


def state_folder() -> Path:
    """`$XDG_STATE_HOME/macaw`, else `~/.local/state/macaw`; a relative value of the variable counts as none (XDG)."""
    given = os.environ.get("XDG_STATE_HOME", "")
    return (Path(given) if given.startswith("/") else Path("~/.local/state").expanduser()) / "macaw"
