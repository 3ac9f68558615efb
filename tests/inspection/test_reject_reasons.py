"""Rejects are told by kind of fault, however many files have it."""

import pytest

from macaw_cli.basics.atomic_files import write_jsonl
from macaw_cli.inspection.reject_reasons import MAX_GROUPS, OTHER, PATHS_KEPT, kind_of_reason, reject_groups


@pytest.mark.parametrize(
    ("reason", "path", "kind"),
    [
        ("cat 12.jpg would unpack to 9000 megapixels, but the limit is 179.", "x/cat 12.jpg",
         "FILE would unpack to N megapixels, but the limit is N."),
        ("It cannot be used.", "a", "It cannot be used."),
        ("The clip from 3.5 s to 9.0 s is not inside the 2.13 s of film.", "f.mp4#t=3.5,9",
         "The clip from N s to N s is not inside the N s of film."),
        ("Its features have values beyond 65504, which fp16 cannot hold.", "a.wav",
         "Its features have values beyond N, which fp16 cannot hold."),
        ("cannot identify <BytesIO object at 0x7fb127aa04a0>", "a.gif", "cannot identify <BytesIO object at N>"),
        ("no key 'abc 7' in part/other.json", "a.gif", "no key '...' in FILE"),
    ],
)  # fmt: skip
def test_names_and_numbers_make_no_kind_of_their_own(reason, path, kind):
    assert kind_of_reason(reason, path) == kind


def test_a_thousand_files_with_one_fault_are_one_group_with_an_example(tmp_path):
    rows = [{"path": f"{number}.jpg", "modality": "image", "reason": f"{number}.jpg has {number} bytes."}
            for number in range(1000)]  # fmt: skip
    write_jsonl(tmp_path / "rejects.jsonl", [{"path": "a.mp4", "reason": "It lasts 0 s."}, *rows])
    many, one = reject_groups(tmp_path)
    assert (many.reason, many.files, many.modalities) == ("FILE has N bytes.", 1000, {"image": 1000})
    assert many.example == "0.jpg has 0 bytes." and many.paths == [f"{number}.jpg" for number in range(PATHS_KEPT)]
    assert (one.reason, one.files, one.modalities) == ("It lasts 0 s.", 1, {"unknown": 1})


def test_endless_different_reasons_do_not_fill_the_memory(tmp_path):
    words = ("".join(chr(97 + int(digit)) for digit in str(number)) for number in range(MAX_GROUPS + 50))
    write_jsonl(tmp_path / "rejects.jsonl", [{"path": "x", "reason": f"fault {word}"} for word in words])
    groups = reject_groups(tmp_path)
    assert len(groups) == MAX_GROUPS + 1 and (groups[0].reason, groups[0].files) == (OTHER, 50)


def test_without_rejects_there_are_no_groups(tmp_path):
    assert reject_groups(tmp_path) == []
