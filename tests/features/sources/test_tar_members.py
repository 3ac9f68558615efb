import io
import tarfile

import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import open_workspace
from macaw_cli.features.source import Refused, Source
from macaw_cli.features.sources.listing import list_sources, survey_sources
from macaw_cli.features.sources.tar_members import TarMember, members_at_the_beginning, members_of


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "macaw.yaml").write_text("version: 1\n")
    return open_workspace(tmp_path)


def write_tar(path, members, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", **options) as tar:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def picture(number):
    return b"\xff\xd8\xff" + bytes([number]) * (700 + number)


def img2dataset_like(path, count=4):
    write_tar(path, [(f"{number:09}.{kind}", picture(number) if kind == "jpg" else b"{}")
                     for number in range(count) for kind in ("jpg", "json", "txt")])  # fmt: skip


def test_members_of_a_tar_are_media_and_captions_are_passed_over(workspace, tmp_path):
    img2dataset_like(tmp_path / "tars" / "00000.tar")
    found = list(list_sources(workspace, ["tars/00000.tar"]))
    assert [source.name for source in found] == [f"tars/00000.tar/{number:09}.jpg" for number in range(4)]
    content = (tmp_path / "tars" / "00000.tar").read_bytes()
    assert all(content[source.offset :][: source.size] == picture(n) for n, source in enumerate(found))
    survey = survey_sources(workspace, ["tars"])
    assert survey.media == {"image": 4} and survey.ignored == 8


def test_brace_and_glob_patterns_name_tars(workspace, tmp_path):
    for number in range(3):
        img2dataset_like(tmp_path / f"{number:05}.tar", 1)
    for pattern in ("{00000..00002}.tar", "0000*.tar"):
        assert [source.name[:9] for source in list_sources(workspace, [pattern])] == [
            "00000.tar", "00001.tar", "00002.tar"]  # fmt: skip
    with pytest.raises(InputError, match=r"no file or folder .*00003\.tar"):
        survey_sources(workspace, ["{00000..00003}.tar"])


def test_macaws_own_shards_are_no_sources(workspace, tmp_path):
    img2dataset_like(tmp_path / "all" / "features" / "image-000000.tar", 1)
    (tmp_path / "all" / "features" / "store.json").write_text("{}")
    img2dataset_like(tmp_path / "all" / "mine.tar", 1)
    assert [source.name for source in list_sources(workspace, ["all"])] == ["all/mine.tar/000000000.jpg"]


@pytest.mark.parametrize(
    ("size", "used", "reason"),
    [(5000, 2, "it ends in the middle of 000000002.jpg"), (6144, 3, "it ends at byte 6144 without an end mark"),
     (6144 + 100, 3, "it ends at byte 6244"), (100, 0, "truncated header")],
)  # fmt: skip
def test_a_cut_tar_gives_the_members_before_the_cut_and_one_reject(workspace, tmp_path, size, used, reason):
    write_tar(tmp_path / "a.tar", [(f"{number:09}.jpg", picture(number) * 2) for number in range(4)])
    content = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(content[:size])
    *members, told = list_sources(workspace, ["a.tar"])
    assert len(members) == used and isinstance(told, Refused) and told.row["path"] == "a.tar"
    assert reason in told.row["reason"] and f"The {used} members before that are used." in told.row["reason"]


def test_garbage_between_members_is_told_and_not_taken_for_the_end(workspace, tmp_path):
    img2dataset_like(tmp_path / "a.tar")
    content = bytearray((tmp_path / "a.tar").read_bytes())
    third = next(iter(list(list_sources(workspace, ["a.tar"]))[2:])).offset - 512
    content[third : third + 512] = b"\x7f" * 512
    (tmp_path / "a.tar").write_bytes(content)
    *members, told = list_sources(workspace, ["a.tar"])
    assert len(members) == 2 and f"there is no header at byte {third}. The 6 members before" in told.row["reason"]


def test_names_that_lead_out_and_names_twice_are_told(workspace, tmp_path):
    write_tar(tmp_path / "a.tar", [("./a.jpg", picture(0)), ("/etc/b.jpg", picture(1)), ("x/../../c.jpg", picture(2)),
                                   ("a.jpg", picture(3)), ("d/e.jpg", picture(4))])  # fmt: skip
    found = list(list_sources(workspace, ["a.tar"]))
    assert [source.name for source in found if isinstance(source, Source)] == ["a.tar/a.jpg", "a.tar/d/e.jpg"]
    out, over, twice = [entry.row for entry in found if isinstance(entry, Refused)]
    assert out["reason"] == over["reason"] == "Its name points outside the tar."
    assert twice["path"] == "a.tar/a.jpg#offset=5120" and "same name" in twice["reason"]


def test_what_a_member_is_say_its_first_bytes_before_its_name(tmp_path):
    write_tar(tmp_path / "a.tar", [("a.mp4", picture(0)), ("b.jpg", b"no picture")])
    with (tmp_path / "a.tar").open("rb") as tar:
        first, second = members_of(tar, (tmp_path / "a.tar").stat().st_size)
    assert (first.modality, second.modality) == ("image", "image")


def test_long_names_and_links_are_understood(workspace, tmp_path):
    long = "folder/" * 30 + "a.jpg"
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind in ((long, tarfile.REGTYPE), ("l.jpg", tarfile.SYMTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "x" * (kind == tarfile.SYMTYPE)
            entry.size = 800 if kind == tarfile.REGTYPE else 0
            tar.addfile(entry, io.BytesIO(b"\xff\xd8\xff" + b"x" * 797))
    assert [source.name for source in list_sources(workspace, ["a.tar"])] == [f"a.tar/{long}"]


def test_a_compressed_tar_is_refused_with_what_to_do(workspace, tmp_path):
    write_tar(tmp_path / "a.tar.gz", [])
    with pytest.raises(InputError, match=r"compressed tar.* Unpack it"):
        survey_sources(workspace, ["a.tar.gz"])


def test_the_beginning_of_a_tar_tells_its_members_without_complaint(tmp_path):
    img2dataset_like(tmp_path / "a.tar", 50)
    content = (tmp_path / "a.tar").read_bytes()
    for size in (2000, 5000, 20000):
        found = members_at_the_beginning(content[:size], len(content))
        assert found and all(not getattr(member, "reason", "") for member in found)
        assert all(isinstance(member, TarMember) == (number % 3 == 0) for number, member in enumerate(found))


def test_a_member_of_negative_size_is_a_reject_and_no_endless_loop(tmp_path):
    with tarfile.open(tmp_path / "t.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        for name in ("1.png", "2.png"):
            member = tarfile.TarInfo(name)
            member.size = len(PNG_HEAD)
            tar.addfile(member, io.BytesIO(PNG_HEAD))
    content = bytearray((tmp_path / "t.tar").read_bytes())
    content[1024 + 124 : 1024 + 136] = b"\xff" * 11 + b"\x00"  # the second header, in base 256
    content[1024 + 148 : 1024 + 156] = b" " * 8
    content[1024 + 148 : 1024 + 156] = b"%06o\0 " % sum(content[1024:1536])
    first, second = members_of(io.BytesIO(content), len(content))
    assert isinstance(first, TarMember) and "negative" in second.reason


def test_thousands_of_headers_for_one_long_name_are_a_reject(tmp_path):
    member = tarfile.TarInfo("x" * 150)
    long_name = member.tobuf(tarfile.GNU_FORMAT)[:1024]
    content = long_name * 5000 + bytes(1024)
    (found,) = members_of(io.BytesIO(content), len(content))
    assert found.name == "" and "damaged" in found.reason


PNG_HEAD = b"\x89PNG\r\n\x1a\n" + bytes(504)
