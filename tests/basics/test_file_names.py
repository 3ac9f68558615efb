import os
import unicodedata
from pathlib import Path

import pytest

from macaw_cli.basics.file_names import composed, encodable, on_disk, printable

NFC, NFD = (unicodedata.normalize(form, "Bücher/Café über.png") for form in ("NFC", "NFD"))


@pytest.mark.parametrize("written, stored", [(NFC, NFD), (NFD, NFC), (NFC, NFC), (NFC, "Bücher/" + NFD.split("/")[1])])
def test_a_name_is_found_however_its_letters_are_composed(tmp_path, written, stored):
    file = tmp_path / stored
    file.parent.mkdir(parents=True)
    file.write_text("here")
    assert on_disk(tmp_path / written).read_text() == "here"
    assert composed(written) == composed(stored)


def test_a_path_that_is_there_as_written_or_not_at_all_is_left_alone(tmp_path, monkeypatch):
    for name in (NFC, NFD):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert on_disk(tmp_path / NFC).read_text() == NFC and on_disk(tmp_path / NFD).read_text() == NFD
    assert on_disk(tmp_path / "fehlt/ä.png") == tmp_path / "fehlt/ä.png"
    monkeypatch.chdir(tmp_path / NFD.split("/")[0])
    assert on_disk(Path(NFC.split("/")[1])).read_text() == NFD
    assert on_disk(Path("a\0ä")) == Path("a\0ä")


def test_bytes_that_are_not_utf8_can_be_named(tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    assert encodable(name) and not encodable("half \ud800.png") and not encodable("a\0b")
    assert printable(name) == "caf\\udce9.png" and printable("Café") == "Café"
