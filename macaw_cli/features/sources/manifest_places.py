"""Which places a row of a manifest may name.

A manifest that comes from elsewhere is written by others: it names files beside itself and on servers, never those of
this machine. And a row whose kind of URL nothing here can read is a reject, not the end of the job.
"""

from functools import cache

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.remote_files import SERVERS, require_server
from macaw_cli.basics.shown_text import cut
from macaw_cli.basics.urls import is_url, joined


def place_in_remote_manifest(folder: str, name: str) -> str:
    """The URL that a row of a remote manifest means.

    Args:
        folder: of the manifest, by URL.
        name: what the row names: a path below that folder, or a URL.

    Raises:
        InputError: it could mean a file of this machine, or one outside the folder.
    """
    unknown = "://" in name and not (is_url(name) and _scheme(name) in SERVERS)
    if "::" in name or name.lower().startswith("file:") or unknown:
        raise InputError(f"A remote manifest may not name files on this machine ({cut(name)}).")
    if not is_url(name) and (name.startswith(("/", "\\", "~")) or ".." in name.replace("\\", "/").split("/")):
        raise InputError(f"A remote manifest may name only URLs and files below its own folder, not {cut(name)}.")
    return joined(folder, name)


def require_driver(url: str) -> None:
    """Refuse a URL that cannot be read here.

    Raises:
        InputError: its kind is unknown, or the driver is not installed.
    """
    require_server(url)
    if problem := _problem(_scheme(url)):
        raise InputError(problem)


def _scheme(url: str) -> str:
    return url.partition("://")[0].lower()


@cache
def _problem(scheme: str) -> str:
    import fsspec

    try:
        fsspec.get_filesystem_class(scheme)
    except ImportError:
        return f"The driver of {cut(scheme, 40)}:// is not installed."
    except ValueError:
        return f"Unknown URL scheme {cut(scheme, 40)}://."
    return ""
