"""Files of a question that is edited, and the conversation that a tab shows when it is loaded again."""

from conversing import answered, ask, opened, press
from playwright.sync_api import expect


def test_a_file_can_be_taken_from_a_question_while_it_is_edited(page, answers, workspace_folder):
    answers.text = "Red."
    ask(page, "Which?", files=[workspace_folder / "media/red.png", workspace_folder / "media/beep.wav"])
    press(page, "Edit the question")
    press(page, "Remove beep.wav")
    press(page, "Cancel")
    assert page.locator(".turn .medium .name").all_inner_texts() == ["red.png", "beep.wav"]
    press(page, "Edit the question")
    press(page, "Remove red.png")
    page.keyboard.press("Enter")
    answered(page)
    assert [item.modality for item in answers.questions[-1].attachments] == ["audio"]
    assert page.locator(".turn .medium .name").all_inner_texts() == ["beep.wav"]
    press(page, "Undo")
    assert page.locator(".turn .medium .name").all_inner_texts() == ["red.png", "beep.wav"]


def test_a_tab_shows_its_conversation_again_after_a_reload_and_a_new_tab_begins_one(page, answers):
    answers.text = "Yes."
    ask(page, "First?")
    page.reload()
    expect(page.locator(".bubble")).to_have_text("First?")
    ask(page, "Second?")
    spoken = [message["content"] for message in answers.questions[-1].messages]
    assert spoken == ["First?", "Yes.", "Second?"]
    other = opened_beside(page)
    assert other.locator(".bubble").count() == 0 and other.locator("#conversations .title").count() == 1
    page.click("#new")
    page.reload()
    expect(page.locator("#conversations .title")).to_have_count(1)
    assert page.locator(".bubble").count() == 0


def opened_beside(page):
    """Another tab of the same browser."""
    return opened(page.context.new_page())
