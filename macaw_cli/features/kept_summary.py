"""When an extraction ends before its time: what the store has of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from macaw_cli.basics import console
from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import Interrupted, ResourceError
from macaw_cli.features.output.outputs import Output
from macaw_cli.features.partial_shards import kept_keys
from macaw_cli.features.store_files import StoreFiles


@contextmanager
def kept_is_told(kept: Callable[[], str]) -> Iterator[None]:
    """Say it when the work is stopped, or when memory, disk, workers or network fail."""
    try:
        yield
    except KeyboardInterrupt:
        console.say(f"Stopped by SIGINT. {kept()}")
        raise
    except Interrupted as stop:
        raise Interrupted(f"{stop.problem} {kept()}", stop.hint, stop.exit_code) from None
    except ResourceError as error:
        raise type(error)(f"{error.problem} {kept()}", error.hint) from error


def what_is_kept(store: StoreFiles, output: Output) -> str:
    """What the store has, unfinished shards included."""
    finished, unfinished = {key.hex() for key in store.made_keys()}, kept_keys(output.folder)
    if not finished and not unfinished:
        return f"{output.place} holds no features yet."
    told = f"The features of {counted(len(finished | unfinished), 'file')} are kept in {output.place}"
    only_here = len(unfinished - finished) if output.sizes is not None else 0
    if only_here:
        told += f", {only_here} of them only on this machine ({output.folder}) until their shard is finished"
    return f"{told}."
