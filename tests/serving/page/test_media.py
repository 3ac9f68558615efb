"""Files that are chosen, dropped, pasted and recorded; and what is told where one cannot be used."""

import base64
import io
import wave

import pytest
from conversing import answered, ask, opened, press
from playwright.sync_api import expect

GIVE = """([kind, name, type, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(bytes)], name, { type }));
  const target = document.getElementById("question");
  const event = kind === "paste" ? new ClipboardEvent(kind, { clipboardData: data, bubbles: true, cancelable: true })
    : new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
  target.dispatchEvent(event);
}"""


@pytest.mark.parametrize("how", ["paste", "drop"])
def test_a_file_is_pasted_or_dropped(page, answers, workspace_folder, how):
    answers.text = "Red."
    image = list((workspace_folder / "media/red.png").read_bytes())
    if how == "drop":
        page.evaluate(GIVE, ["dragenter", "red.png", "image/png", image])
        assert page.locator("#drop").inner_text() == "Drop an image, an audio file or a video to ask about it"
    page.evaluate(GIVE, [how, "red.png", "image/png", image])
    expect(page.locator("#drop")).to_be_hidden()
    assert page.locator("#attached .name").inner_text() == "red.png"
    ask(page, "Which?")
    assert [item.modality for item in answers.questions[-1].attachments] == ["image"]


def test_an_attached_file_can_be_removed(page, answers, workspace_folder):
    answers.text = "Nothing."
    page.set_input_files("#files", [str(workspace_folder / "media/red.png"), str(workspace_folder / "media/beep.wav")])
    press(page, "Remove red.png")
    ask(page, "Which?")
    assert [item.modality for item in answers.questions[-1].attachments] == ["audio"]


def test_a_file_without_a_question_is_a_question(page, answers, workspace_folder):
    answers.text = "A beep."
    ask(page, "", files=[workspace_folder / "media/beep.wav"])
    assert [item.modality for item in answers.questions[-1].attachments] == ["audio"]
    assert page.locator("#conversations bdi").inner_text() == "beep.wav"


def test_a_question_is_recorded_as_a_wav_file_of_16_khz(page, answers):
    answers.text = "A beep."
    press(page, "Record the microphone")
    expect(page.locator("#hint")).to_have_text("Recording 1 s")
    press(page, "Stop recording")
    page.wait_for_selector("#attached .name")
    with page.expect_request("**/chat/completions") as asked:
        ask(page, "What was that?")
    part = asked.value.post_data_json["messages"][-1]["content"][0]["input_audio"]
    assert part["format"] == "wav"
    with wave.open(io.BytesIO(base64.b64decode(part["data"]))) as recorded:
        assert (recorded.getframerate(), recorded.getnchannels(), recorded.getsampwidth()) == (16_000, 1, 2)
        seconds = recorded.getnframes() / 16_000
        loudest = max(memoryview(recorded.readframes(recorded.getnframes())).cast("h"))
    assert 0.8 < seconds < 10
    assert loudest > 1000
    (heard,) = answers.questions[-1].attachments
    assert heard.duration == pytest.approx(seconds, abs=0.01)


def test_a_microphone_that_may_not_be_used_is_told(new_page, served, answers):
    page = new_page(served[0])
    refused = "() => Promise.reject(new DOMException('', 'NotAllowedError'))"
    page.add_init_script(f"navigator.mediaDevices.getUserMedia = {refused}")
    page.goto("/")
    press(page, "Record the microphone")
    expect(page.locator("#notice p")).to_contain_text("does not let this page use the microphone")
    assert page.get_by_role("button", name="Record the microphone").count() == 1


@pytest.mark.parametrize(("name", "kind", "content", "told"), [
    ("notes.pdf", "application/pdf", b"%PDF",
     "notes.pdf is not a file that this model takes. Attach an image, an audio file or a video."),
    ("empty.png", "image/png", b"", "empty.png is empty."),
])  # fmt: skip
def test_a_file_that_the_model_does_not_take_is_told_before_it_is_sent(page, name, kind, content, told):
    page.set_input_files("#files", {"name": name, "mimeType": kind, "buffer": content})
    assert page.locator("#notice p").inner_text() == told
    assert page.locator("#attached .medium").count() == 0


def test_a_file_too_large_for_the_server_is_told_before_it_is_sent(new_page, make_server):
    with make_server(max_request_megabytes=1) as server:
        page = opened(new_page(server.url))
        page.set_input_files("#files", {"name": "large.png", "mimeType": "image/png", "buffer": bytes(800_000)})
        assert "too large" in page.locator("#notice p").inner_text()


def test_a_file_that_the_server_cannot_read_is_told_by_its_name(page):
    page.set_input_files("#files", {"name": "broken.png", "mimeType": "image/png", "buffer": b"no image"})
    expect(page.locator("#attached .preview")).to_contain_text("no preview")
    ask(page, "What?")
    assert page.locator(".ending .note").inner_text().startswith("broken.png cannot be read as an image file")
    answered(page)


def test_a_file_whose_kind_only_its_name_tells_is_sent_as_that_kind(page, answers, workspace_folder):
    answers.text = "A video."
    video = (workspace_folder / "media/silent.mp4").read_bytes()
    page.set_input_files("#files", {"name": "CLIP.MKV", "mimeType": "application/octet-stream", "buffer": video})
    ask(page, "What?")
    assert [item.modality for item in answers.questions[-1].attachments] == ["video"]
