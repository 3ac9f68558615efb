"""The small files of a remote store while it is written here, and which side is ahead when the work goes on."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from macaw_cli.basics.remote_files import Info, driver_errors_are_told, list_folder, remote_info, stamp_of_info
from macaw_cli.basics.remote_transfer import fetch, remove, send
from macaw_cli.basics.urls import joined
from macaw_cli.basics.working_files import remove_file, working_name
from macaw_cli.features.hash_cache import stamp_of
from macaw_cli.features.output_checks import require_own_entries
from macaw_cli.shards.damage_note import DAMAGE_NAME
from macaw_cli.shards.remote_store import SMALL_FILES, fetch_small_file, read_record, write_record

_GROWING = ("journal.jsonl", "manifest.jsonl")
_CHUNK = 1 << 20


class WorkingCopy:
    """Brought up to date when it is made; `push` sends what has changed.

    Attributes:
        folder: of the files here.
        sizes: of the remote shards.

    Raises:
        InputError: the remote place may not be read, or is not macaw's.
        ResourceError: it cannot be reached.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self.folder = url, folder
        for left_over in folder.glob("*.tar"):  # `.tar.partial` is continued
            remove_file(left_over)
        entries = list_folder(url)
        require_own_entries(url, entries)
        self.sizes: dict[str, int] = {name: info["size"] for name, info in entries.items() if name.endswith(".tar")}
        record = read_record(folder)
        self._stamps: dict[str, str] = record["stamps"]
        self._sent: dict[str, str] = record.get("sent", {})
        self._pull(entries)

    def push(self, names: Sequence[str] = SMALL_FILES) -> None:
        """Send what has changed, the manifest last; after a failure the same again sends the rest.

        Args:
            names: of the small files, in order.

        Raises:
            InputError: it may not be written.
            ResourceError: it cannot be reached.
        """
        for name in names:
            path, place = self.folder / name, joined(self._url, name)
            now = stamp_of(str(path)) if path.exists() else ""
            if self._sent.get(name, "") == now:
                continue
            with driver_errors_are_told(place, "written"):
                if now:
                    self._send(name, place)
                else:
                    remove(place)
                self._stamps[name] = stamp_of_info(remote_info(place)) if now else ""
            self._sent[name] = now
            self._keep_record()

    def _send(self, name: str, place: str) -> None:
        if name not in _GROWING:
            send(self.folder / name, place)
            return
        as_it_is = self.folder / working_name(name)  # some drivers cannot send what becomes longer meanwhile
        try:
            shutil.copyfile(self.folder / name, as_it_is)
            send(as_it_is, place)
        finally:
            remove_file(as_it_is)

    def _pull(self, entries: dict[str, Info]) -> None:
        """Take over what is there, unless it is what was sent from here, or the beginning of what is here."""
        stamps = {name: stamp_of_info(entries[name]) if name in entries else "" for name in SMALL_FILES}
        changed = [name for name in SMALL_FILES if stamps[name] != self._stamps.get(name, "")]
        if changed and self._is_ahead(entries):
            changed = [name for name in changed if name == DAMAGE_NAME]  # readers write it
        for name in changed:
            fetch_small_file(self._url, self.folder, name, stamps[name] if name in entries else None, None)
            path = self.folder / name
            self._stamps[name], self._sent[name] = stamps[name], stamp_of(str(path)) if path.exists() else ""
        if changed:
            self._keep_record()

    def _is_ahead(self, entries: dict[str, Info]) -> bool:
        """Whether the journal and the manifest there are beginnings of those here: this machine was cut short."""
        if "store.json" not in entries:
            return not any(self._stamps.values())  # never sent; else somebody removed the store on purpose
        for name in _GROWING:
            there = self.folder / working_name(name)
            if name in entries:
                with driver_errors_are_told(joined(self._url, name)):
                    fetch(joined(self._url, name), there)
                begins = _begins_with(self.folder / name, there)
                remove_file(there)
                if not begins:
                    return False
        return True

    def _keep_record(self) -> None:
        write_record(self.folder, self._url, self._stamps, sent=self._sent)


def _begins_with(longer: Path, beginning: Path) -> bool:
    if not longer.exists():
        return beginning.stat().st_size == 0
    with longer.open("rb") as here, beginning.open("rb") as there:
        while chunk := there.read(_CHUNK):
            if here.read(len(chunk)) != chunk:
                return False
    return True
