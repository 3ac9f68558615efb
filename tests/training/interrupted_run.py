"""A run that dies before its model is saved, beside one that does not (`sys.path` holds this folder)."""

import pytest

from macaw_cli.training.run import train


def interrupt(space, monkeypatch):
    """Train until the last checkpoint: the run dies before its model is saved."""
    from macaw_cli.training import session

    def die(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(session, "finish_run", die)
        with pytest.raises(ZeroDivisionError):
            train(space)


def whole_and_interrupted(workspace, monkeypatch, **settings):
    """Train the same twice, the second time until its last checkpoint.

    Returns:
        The folder of the whole run, that of the interrupted one, and the workspace of the latter.
    """
    whole, interrupted = workspace("whole", **settings), workspace("interrupted", **settings)
    train(whole)
    interrupt(interrupted, monkeypatch)
    return whole.root / "runs" / "linear-1", interrupted.root / "runs" / "linear-1", interrupted
