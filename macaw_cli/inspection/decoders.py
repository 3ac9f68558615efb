"""Doctor's look at the decoders: each one really decodes a small video or audio made on the spot."""

import math
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path

from macaw_cli.inspection.checks import Check, failed, probe
from macaw_cli.inspection.packages import REINSTALL

FRAMES, SIDE, RATE_HZ, SECONDS = 8, 64, 16_000, 1.0
"""The sample: 8 frames of 64 x 64 pixels and one second of a tone."""

DECODE_TIMEOUT_S = 30.0

WRITE_VIDEO = f"""
import json, sys, av, numpy as np
with av.open(sys.argv[1], "w") as out:
    stream = out.add_stream("mpeg4", rate=8)
    stream.width = stream.height = {SIDE}
    stream.pix_fmt = "yuv420p"
    for number in range({FRAMES}):
        image = np.full(({SIDE}, {SIDE}, 3), 30 * number, np.uint8)
        out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
    out.mux(stream.encode())
print(json.dumps(av.__version__))
"""
READ_PYAV = """
import json, sys, av
with av.open(sys.argv[1]) as video:
    print(json.dumps([av.__version__, sum(1 for _ in video.decode(video=0))]))
"""
READ_DECORD = """
import json, sys, decord
print(json.dumps([decord.__version__, len(decord.VideoReader(sys.argv[1]).get_batch(range(8)).asnumpy())]))
"""
READ_AUDIO = """
import json, sys, soundfile, soxr
samples, rate = soundfile.read(sys.argv[1])
versions = f"soundfile {soundfile.__version__}, soxr {soxr.__version__}"
print(json.dumps([versions, len(soxr.resample(samples, rate, 8000))]))
"""


def decoders() -> list[Check]:
    """Decode a generated video with PyAV and with decord, and a generated audio file with soundfile."""
    with tempfile.TemporaryDirectory(prefix="macaw-doctor-") as folder:
        return list(_checks(Path(folder)))


def _checks(folder: Path) -> Iterator[Check]:
    video, audio = folder / "video.mp4", folder / "audio.wav"
    written = probe(WRITE_VIDEO, str(video), timeout_s=DECODE_TIMEOUT_S)
    if written.problem:
        yield failed("pyav", written, REINSTALL)
    else:
        yield _decoded("pyav", READ_PYAV, video, FRAMES, "frames")
        yield _optional(_decoded("decord", READ_DECORD, video, FRAMES, "frames"))
    _write_tone(audio)
    yield _decoded("audio", READ_AUDIO, audio, int(8000 * SECONDS), "samples")


def _decoded(name: str, code: str, file: Path, expected: int, unit: str) -> Check:
    seen = probe(code, str(file), timeout_s=DECODE_TIMEOUT_S)
    if seen.problem:
        return failed(name, seen, REINSTALL)
    version, count = seen.answer
    if count != expected:
        return Check(name, "missing", f"{version} decoded {count} of {expected} {unit}", REINSTALL)
    return Check(name, "ok", f"{version}, decoded {count} of {expected} {unit}")


def _optional(check: Check) -> Check:
    if check.status in ("ok", "slow"):
        return check
    return Check(check.name, "warn", check.detail, "Not needed: PyAV decodes the videos instead.")


def _write_tone(file: Path) -> None:
    count = int(RATE_HZ * SECONDS)
    values = (int(12_000 * math.sin(2 * math.pi * 440 * number / RATE_HZ)) for number in range(count))
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(b"".join(value.to_bytes(2, "little", signed=True) for value in values))
