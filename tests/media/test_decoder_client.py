import os
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from macaw_cli.basics.errors import InputError
from macaw_cli.media.decoder_client import DecoderProcess
from macaw_cli.media.decoder_pool import DecoderPool


def image_request(path):
    return {"path": str(path), "modality": "image"}


@pytest.fixture
def picture(tmp_path):
    Image.new("RGB", (8, 8), (1, 2, 3)).save(tmp_path / "good.png")
    return tmp_path / "good.png"


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """A request whose decoding takes a second or two."""
    file = tmp_path_factory.mktemp("long") / "long.png"
    Image.new("L", (13000, 13000)).save(file, compress_level=1)
    return image_request(file)


def children_of(pid):
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(child) for listed in lists for child in listed.read_text().split()}


def is_running(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture(autouse=True)
def others():
    """Children that earlier tests left on purpose; every test here must leave no more."""
    before = children_of(os.getpid())
    yield before
    assert children_of(os.getpid()) <= before


def test_arrays_and_reasons_travel_between_the_processes(picture, tmp_path):
    decoder = DecoderProcess()
    meta, arrays = decoder.decode(image_request(picture))
    np.testing.assert_array_equal(arrays["image"], np.full((8, 8, 3), (1, 2, 3), np.uint8))
    assert meta == {"size": [8, 8]}
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(InputError, match="it holds text"):
        decoder.decode(image_request(tmp_path / "text.jpg"))
    decoder.close()


def test_a_stopped_decoder_is_ended_and_the_job_goes_on(picture, others):
    """Stopped in the middle, as by a debugger or a machine that swaps: it answers nothing and ignores SIGTERM."""
    with DecoderPool(1, timeout_s=5) as pool:
        pool.submit(image_request(picture)).result()
        (child,) = children_of(os.getpid()) - others
        os.kill(child, signal.SIGSTOP)
        with pytest.raises(InputError, match=r"good\.png cannot be decoded: its decoder did not finish within 5 s"):
            pool.submit(image_request(picture)).result()
        assert not is_running(child)
        assert pool.submit(image_request(picture)).result()[0] == {"size": [8, 8]}


def test_a_video_on_which_decord_would_spin_for_ever_is_decoded(tmp_path, make_film):
    """An edit list that exposes a third of the video: decord's own frame count is wrong, and reading does not end."""
    film = make_film(tmp_path / "whole.mp4", frames=1500, fps=25, size=(32, 32), g="250")
    content = bytearray(film.read_bytes())
    entry = content.index(b"elst") + 12
    (duration,) = struct.unpack(">I", content[entry : entry + 4])
    content[entry : entry + 4] = struct.pack(">I", duration // 3)
    (tmp_path / "third.mp4").write_bytes(content)
    decoder = DecoderProcess(timeout_s=20)
    request = {"path": str(tmp_path / "third.mp4"), "modality": "video", "frames": 6, "decoder": "decord"}
    meta, arrays = decoder.decode(request)
    assert arrays["video"].shape == (6, 32, 32, 3) and meta["duration"] == pytest.approx(20, abs=0.1)
    decoder.close()


def test_a_decoder_that_dies_is_told_and_replaced(picture, others):
    with DecoderPool(1, timeout_s=30) as pool:
        pool.submit(image_request(picture)).result()
        (child,) = children_of(os.getpid()) - others
        os.kill(child, signal.SIGSTOP)  # so that it is certain to be asked when it dies
        waiting = pool.submit(image_request(picture))
        time.sleep(0.3)
        os.kill(child, signal.SIGSEGV)
        os.kill(child, signal.SIGCONT)
        with pytest.raises(InputError, match="crashed"):
            waiting.result()
        assert pool.submit(image_request(picture)).result()[0] == {"size": [8, 8]}


def test_a_file_that_needs_too_much_memory_is_told(tmp_path, picture):
    Image.new("L", (13000, 13000)).save(tmp_path / "large.png", compress_level=1)  # half a gigabyte as RGB
    decoder = DecoderProcess(memory_mib=512)
    with pytest.raises(InputError, match="memory"):
        decoder.decode(image_request(tmp_path / "large.png"))
    assert decoder.decode(image_request(picture))[0] == {"size": [8, 8]}
    decoder.close()


def test_a_video_that_needs_too_much_memory_is_told_and_the_job_goes_on(tmp_path, make_film, picture):
    film = make_film(tmp_path / "huge.mp4", frames=2, size=(2160, 3840))
    with DecoderPool(1, memory_mib=640) as pool:
        answer = pool.submit({"path": str(film), "modality": "video", "frames": 64})
        after = pool.submit(image_request(picture))
        with pytest.raises(InputError, match=r"huge\.mp4 .*memory"):
            answer.result()
        assert after.result()[0] == {"size": [8, 8]}


def test_leaving_the_pool_ends_decoders_in_the_middle_of_their_work(long):
    began = time.monotonic()
    with DecoderPool(2, timeout_s=60) as pool:
        for _ in range(40):
            pool.submit(long)
        time.sleep(0.5)
    assert time.monotonic() - began < 10


def test_leaving_the_pool_ends_decoders_that_are_only_being_made(long, monkeypatch):
    begun = threading.Event()

    def late(*settings):
        begun.set()
        time.sleep(0.3)  # meanwhile the pool ends all that it knows
        return DecoderProcess(*settings)

    monkeypatch.setattr("macaw_cli.media.decoder_pool.DecoderProcess", late)
    began = time.monotonic()
    with DecoderPool(1, timeout_s=60) as pool:
        waiting = pool.submit(long)
        begun.wait()
    assert time.monotonic() - began < 10
    assert "its decoder was ended" in str(waiting.exception())


def test_a_decoder_that_is_ended_while_it_starts_stays_ended(picture):
    class Unlucky(DecoderProcess):
        def _start(self):
            self.kill()
            return super()._start()

    decoder = Unlucky(timeout_s=60)
    with pytest.raises(InputError, match="its decoder was ended"):
        decoder.decode(image_request(picture))


def test_no_decoder_outlives_a_parent_that_was_killed(picture):
    script = (
        "import time\nfrom macaw_cli.media.decoder_client import DecoderProcess\n"
        f"decoder = DecoderProcess()\ndecoder.decode({image_request(picture)!r})\nprint(flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        parent.stdout.readline()
        children = children_of(parent.pid)
        for child in children:
            os.kill(child, signal.SIGSTOP)  # busy for ever, and deaf to the end of its input
        parent.kill()
    deadline = time.monotonic() + 20
    while any(map(is_running, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert children and not any(map(is_running, children))
