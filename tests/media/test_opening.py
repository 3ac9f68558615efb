"""Nothing that is opened as a medium starts a program or opens another file, whatever it holds and is called."""

import os
import socket
import struct
import sys
import threading
from itertools import product

import av
import numpy as np
import pytest
from PIL import Image

from macaw_cli.basics.errors import InputError
from macaw_cli.media.audio import load_audio
from macaw_cli.media.containers import open_media
from macaw_cli.media.decoding import decode
from macaw_cli.media.frame_times import _is_no_playlist
from macaw_cli.media.images import load_image
from macaw_cli.media.opening import CONTAINER_FORMATS, IMAGE_FORMATS, open_container
from tests.media.opened_files import opened

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify tells who opens a file")
BEFORE = {"as it is": b"", "BOM": b"\xef\xbb\xbf", "spaces": b" \r\n\t", "NUL": b"\0", "SOH": b"\x01"}
NAMES = ("a.mp4", "a.ts", "a.mkv", "a.mp3", "a.m3u8", "a.wav", "a.avi", "a.idx", "a.sdp", "a.mpd", "a.txt", "a%01d.png")


@pytest.fixture
def canary(tmp_path, make_sound, tone):
    """An audio file that nobody names."""
    return make_sound(tmp_path / "canary.ts", "aac", tone(1.0, 16000), 16000)


def scripts(canary, port):
    """Texts that make FFmpeg open other places, each in the form that its demuxer knows."""
    there = f"http://127.0.0.1:{port}/a.ts"
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{canary}\n#EXTINF:1,\nfile:{canary}\n\x01\n",
        "hls key": f'#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="{canary}"\n#EXTINF:1,\n{there}\n',
        "hls master": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{canary}\n\x02",
        "concat": f"ffconcat version 1.0\nfile '{canary}'\nfile {canary.name}\n#\x01",
        "concat options": f"ffconcat version 1.0\nfile 'subfile,,start,0,end,0,,:{canary}'\nfile 'concat:{canary}'\n",
        "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:'
                f'isoff-on-demand:2011" type="static"><Period><AdaptationSet><Representation id="1"><BaseURL>{canary}'
                "</BaseURL></Representation></AdaptationSet></Period></MPD>\x01",
        "sdp": f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio {port} RTP/AVP 0\n\x01",
        "ffmetadata": f";FFMETADATA1\ntitle={canary}\n\x01",
        "vobsub": "# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\n"
                  "timestamp: 00:00:00:000, filepos: 0\n",
        "imf": f'<?xml version="1.0"?><AssetMap><Path>{canary}</Path></AssetMap>\x01',
    }  # fmt: skip


@pytest.fixture
def port():
    """Of a server that must not be asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server.getsockname()[1]
        with pytest.raises(BlockingIOError):
            server.accept()


def attempt(path):
    """Every way in which a medium is read."""
    requests = (
        {"path": str(path), "modality": "image"},
        {"path": str(path), "modality": "audio", "sampling_rate": 16000},
        {"path": str(path), "modality": "video", "frames": 2, "sampling_rate": 16000},
        {"path": str(path), "modality": "video", "frames": 2, "sampling_rate": 16000, "decoder": "decord"},
    )
    for request in requests:
        with pytest.raises(InputError):
            decode(request)


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_no_script_of_ffmpeg_opens_what_it_names_whatever_stands_before_it(tmp_path, canary, port, before):
    found = scripts(canary, port)
    with opened([canary]) as count:
        for (_, text), name in product(found.items(), NAMES):
            path = tmp_path / name
            path.write_bytes(before + text.encode() + b"\0" * 4096)
            with pytest.raises((InputError, OSError, av.FFmpegError)):
                open_container(path)
        attempt(path)
        assert count() == 0


def boxed(kind, *content):
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def with_reference(content, target):
    """The MP4 with its data reference made one to another file, in the forms that QuickTime knows."""
    name = os.fsencode(target)
    alias = b"\0" * 4 + struct.pack(">HH", 0, 2) + b"\0" * 142 + struct.pack(">hH", 2, len(name)) + name
    alias += struct.pack(">hH", 18, len(name)) + name + struct.pack(">hh", -1, 0)
    entry = boxed(b"alis", b"\0\0\0\0", alias)
    old = content.index(b"dref") - 4
    size = struct.unpack(">I", content[old : old + 4])[0]
    new = boxed(b"dref", b"\0\0\0\0", struct.pack(">I", 1), entry)
    grown = len(new) - size
    result = bytearray(content[:old] + new + content[old + size :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        place = result.index(kind) - 4
        result[place : place + 4] = struct.pack(">I", struct.unpack(">I", result[place : place + 4])[0] + grown)
    return bytes(result)


def test_an_external_data_reference_of_a_video_is_not_followed(tmp_path, canary, make_film):
    film = make_film(tmp_path / "a.mp4", codec="mpeg4")
    path = tmp_path / "b.mov"
    path.write_bytes(with_reference(film.read_bytes(), canary))
    with opened([canary]) as count:
        try:
            with open_media(path) as container:
                list(container.demux())
        except InputError:
            pass
        assert count() == 0


@pytest.mark.parametrize("name", ["concat:a.ts|b.ts", "subfile,,start,0,end,9,,:a.ts", "crypto:a.ts", "a%02d.ts", "-",
                                  "pipe:0", "http:a.ts", "data:a.ts", "#1.ts", "é.ts"])  # fmt: skip
def test_a_name_is_nothing_but_a_name(tmp_path, make_sound, tone, name, monkeypatch):
    made = make_sound(tmp_path / "made.ts", "aac", tone(1.0, 16000), 16000)
    made.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert abs(len(load_audio(name, 16000)) - 16000) < 2000


def test_a_name_that_is_not_utf8_is_opened(tmp_path, make_sound, tone):
    path = tmp_path / os.fsdecode(b"caf\xe9.ts")
    make_sound(tmp_path / "made.ts", "aac", tone(1.0, 16000), 16000).rename(path)
    assert len(load_audio(path, 16000))


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(a) (w) file\nshowpage\n%%EOF\n"
IMAGES = {
    "eps": POSTSCRIPT,
    "eps preview": b"\xc5\xd0\xd3\xc6" + struct.pack("<6I", 32, len(POSTSCRIPT), 0, 0, 0, 0) + b"\0" * 4 + POSTSCRIPT,
    "pdf": b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n",
    "psd": b"8BPS\0\1" + b"\0" * 6 + struct.pack(">HIIHH", 3, 4, 4, 8, 3) + b"\0" * 64,
    "fits": b"SIMPLE  =                    T".ljust(80) + b"BITPIX  =".ljust(29) + b"8".ljust(51) + b"END".ljust(2720),
    "wmf": b"\xd7\xcd\xc6\x9a\0\0" + struct.pack("<4hH", 0, 0, 9, 9, 72) + b"\0" * 30,
    "emf": struct.pack("<2I8i", 1, 88, 0, 0, 9, 9, 0, 0, 9, 9) + b" EMF" + b"\0" * 60,
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "xpm": b'/* XPM */\nstatic char * a[] = {\n"1 1 1 1",\n"a c #000000",\n"a"};\n',
    "ico": b"\0\0\1\0\1\0" + b"\1\1\0\0\1\0\x18\0" + struct.pack("<II", 48, 22) + b"\0" * 48,
}  # fmt: skip


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.eps", "a.tif"])
def test_an_image_of_another_format_is_refused_and_no_program_runs(tmp_path, kind, name, monkeypatch):
    import PIL.EpsImagePlugin
    import PIL.WmfImagePlugin

    Image.init()
    for program in ("gs", "gswin64c", "rsvg-convert"):
        (tmp_path / program).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(PIL.EpsImagePlugin, "gs_binary", str(tmp_path / "gs"))
    (tmp_path / name).write_bytes(IMAGES[kind])
    with pytest.raises(InputError, match=name):
        load_image(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_every_format_of_the_list_is_one_of_pillow_and_reads():
    assert set(IMAGE_FORMATS) - {"HEIF"} <= set(Image.OPEN)  # that one is an extra
    assert not {"EPS", "WMF", "FITS", "PSD", "GBR", "MPEG"} & set(IMAGE_FORMATS)


def test_a_photo_with_several_images_in_it_is_still_a_jpeg(tmp_path):
    pictures = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    pictures[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=pictures[1:])
    assert np.asarray(load_image(tmp_path / "a.jpg"))[0, 0, 0] > 200


def test_no_demuxer_of_the_list_opens_other_places():
    nesting = {"hls", "dash", "concat", "sdp", "rtsp", "rtp", "sap", "imf", "image2", "image2pipe", "vobsub", "mlv",
               "lavfi", "ffmetadata", "tty", "data", "bin", "rawvideo", "webm_dash_manifest", "ivr"}  # fmt: skip
    assert not nesting & set(CONTAINER_FORMATS)


def test_pipes_sockets_and_devices_are_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.mp4")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.mp4")
        for name in ("pipe.mp4", "socket.mp4", "/dev/zero"):
            worker = threading.Thread(target=attempt, args=(name,), daemon=True)
            worker.start()
            worker.join(20)
            assert not worker.is_alive(), name


@pytest.mark.parametrize(
    ("head", "fine"),
    [(b"\0\0\0\x18ftypisom", True), (b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1\0", True), (b"#EXTM3U\n\0", False),
     (b"\x1aE\xdf\xa3<MPD dash:profile\0", False), (b"ffconcat version 1.0\n\0", False), (b"no zero", False)],
)  # fmt: skip
def test_decord_gets_nothing_that_an_older_ffmpeg_might_read_as_a_playlist(tmp_path, head, fine):
    (tmp_path / "a.mp4").write_bytes(head)
    assert _is_no_playlist(tmp_path / "a.mp4") == fine
