"""The page of a feature store: every medium on it, nothing from elsewhere, no name taken for markup."""

import json
from html.parser import HTMLParser

import pytest

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.inspection.inspect_folder import PageRequest, inspect_folder

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """What a browser would find."""

    def __init__(self, text):
        super().__init__()
        self.open, self.cards, self.links, self.tags, self.text, self.card_text = [], [], [], [], "", {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        values = dict(attrs)
        if tag == "article":
            self.cards.append((values["class"].split()[1], values["data-path"]))
        self.links += [values[name] for name in ("src", "href", "xlink:href", "srcset") if name in values]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if "article" in self.open:
            self.card_text[self.cards[-1]] = self.card_text.get(self.cards[-1], "") + data


@pytest.fixture
def drawn(capsys):
    """`drawn(store, samples=...)`: the page as a browser finds it."""

    def run(store, samples=48):
        inspect_folder(store, verify=False, as_json=True, page=PageRequest(None, samples))
        written = json.loads(capsys.readouterr().out)["html"]
        assert written == str(store / "inspect.html")
        text = (store / "inspect.html").read_text()
        assert "@import" not in text and "url(" not in text and len(text) < 3_000_000
        return Page(text)

    return run


def test_every_medium_is_shown_with_its_features_and_nothing_comes_from_elsewhere(copy, drawn):
    page = drawn(copy / "features")
    assert sorted(page.cards) == [
        ("audio", "media/beep.wav"), ("audio", "media/film.mp4"), ("image", "media/blue.png"),
        ("image", "media/red.png"), ("video", "media/film.mp4"), ("video", "media/silent.mp4"),
    ]  # fmt: skip
    assert page.open == [] and "script" not in page.tags and "link" not in page.tags
    images = [link for link in page.links if link.startswith("data:image/")]
    assert sorted({link for link in page.links if not link.startswith("data:image/")}) == [
        "./../media/beep.wav", "./../media/blue.png", "./../media/film.mp4", "./../media/red.png",
        "./../media/silent.mp4",
    ]  # fmt: skip
    # image and map; waveform and map over time; three frames with their maps
    assert len(images) == 2 * 2 + 2 * 2 + 2 * 3 * 2
    video = page.card_text["video", "media/film.mp4"]
    assert "0.17 s 0.50 s 0.83 s" in " ".join(video.split()) and "3 x 16 x 24" in video
    assert "fake.jpg" in page.text and "It is not an image" in page.text
    assert not any("look: " in text or "cannot" in text for text in page.card_text.values())


def test_names_are_text_and_media_that_are_gone_or_changed_say_so(copy, drawn):
    store = copy / "features"
    name = "media/<script>alert('1')<img src=x> & \".png"
    manifest = store / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace('"media/red.png"', json.dumps(name)))
    (copy / "media/red.png").unlink()
    (copy / "media/beep.wav").unlink()
    (copy / "media/blue.png").write_text("no picture any more")
    page = drawn(store)
    assert ("image", name) in page.cards and "script" not in page.tags
    gone = page.card_text["image", name]
    assert "its file is no longer here" in gone and "16 x 24" in gone
    assert "its file is no longer here" in page.card_text["audio", "media/beep.wav"]
    changed = page.card_text["image", "media/blue.png"]
    assert "cannot be shown: it is not an image" in changed and "has changed since" in changed


def test_suspicious_features_copies_and_damage_are_flagged(copy, drawn):
    store = copy / "features"
    manifest = store / "manifest.jsonl"
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    red, blue = (next(row for row in rows if row.get("path") == f"media/{name}.png") for name in ("red", "blue"))
    empty = next(row for row in rows if row.get("key") == "null" and row["modality"] == "image")
    shard = store / "image-000000.tar"
    content = bytearray(shard.read_bytes())
    content[red["offset"] : red["offset"] + red["bytes"]] = content[empty["offset"] : empty["offset"] + empty["bytes"]]
    shard.write_bytes(content)
    rows.append({**blue, "path": "media/again.png"})
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (store / "video-000000.tar").unlink()
    page = drawn(store)
    assert "equal to the features of an empty input" in page.card_text["image", "media/red.png"]
    assert len([card for card in page.cards if card[0] == "image"]) == 2
    shown = page.card_text.get(("image", "media/blue.png")) or page.card_text["image", "media/again.png"]
    assert "same content: media/" in shown
    assert "its features cannot be read" in page.card_text["video", "media/film.mp4"]


def test_a_sample_is_spread_over_a_larger_store_and_says_so(copy, drawn):
    page = drawn(copy / "features", samples=1)
    assert [kind for kind, _ in page.cards] == ["image", "audio", "video"]
    assert "1 of 2, evenly spread" in page.text


def test_the_page_goes_where_it_is_told_and_only_for_what_has_a_page(copy, tmp_path, capsys):
    target = tmp_path / "pages/a page.html"
    inspect_folder(copy / "features", verify=False, as_json=False, page=PageRequest(target, 1))
    assert f"Page: {target}" in capsys.readouterr().out and target.is_file()
    assert not (copy / "features/inspect.html").exists()
    with pytest.raises(UsageError, match="--html"):
        inspect_folder(next(copy.glob("runs/*/model")), verify=False, as_json=False, page=PageRequest())
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        inspect_folder(copy / "features", verify=False, as_json=False, page=PageRequest(tmp_path / "file/a.html", 1))
