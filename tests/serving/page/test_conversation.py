"""A conversation on the page: answers as they come, stop, regenerate, edit, and what is kept."""

import json

import pytest
from conversing import answered, ask, last_answer, opened, press
from playwright.sync_api import expect
from scripted_answers import ENDLESS


def texts_of(question):
    """Who said what in a question that reached the model."""
    return [(message["role"], message["content"]) for message in question.messages]


def test_the_real_model_answers_about_an_image_and_its_tokens_are_counted(page, workspace_folder):
    ask(page, "What is this?", files=[workspace_folder / "media/red.png"])
    assert len(last_answer(page)) >= 5
    facts = page.locator(".facts").inner_text()
    assert "tokens in, 12 out" in facts
    assert "tokens/s" in facts
    assert page.title().startswith("tiny")


def test_each_attachment_says_what_it_became(page, workspace_folder):
    media = [workspace_folder / "media" / name for name in ("film.mp4", "red.png", "beep.wav")]
    ask(page, "What is this?", files=media)
    told = dict(zip(
        page.locator(".turn .medium .name").all_inner_texts(), page.locator(".turn .medium .muted").all_inner_texts(),
        strict=True,
    ))  # fmt: skip
    assert "16 soft tokens" in told["red.png"]
    assert "1.0 s" in told["beep.wav"]
    assert "3 frames from 0.2 to 0.8 s" in told["film.mp4"]
    assert "its audio:" in told["film.mp4"]


def test_an_answer_is_stopped_where_it_is_and_the_server_is_free_at_once(page, answers):
    answers.text = ENDLESS
    ask(page, "Tell me all.", wait=False)
    expect(page.locator(".answer .text")).to_contain_text("and so on and so on")
    page.get_by_role("button", name="Stop").click()
    answered(page)
    assert answers.given_up.wait(2)
    assert last_answer(page).startswith("and so on and so on")
    assert page.locator(".ending .note").inner_text() == "Stopped."
    answers.text = "More."
    ask(page, "Go on.")
    assert [role for role, _ in texts_of(answers.questions[-1])] == ["user", "assistant", "user"]


def test_a_regenerated_answer_takes_the_place_of_the_last_one(page, answers):
    answers.text = "One."
    ask(page, "Which?")
    answers.text = "Two."
    press(page, "Regenerate")
    answered(page)
    assert last_answer(page) == "Two."
    assert texts_of(answers.questions[1]) == [("user", "Which?")]
    assert answers.questions[0].seed != answers.questions[1].seed


def test_only_the_last_answer_can_be_regenerated(page, answers):
    answers.text = "One."
    ask(page, "First?")
    ask(page, "Second?")
    assert page.get_by_role("button", name="Regenerate").count() == 1


def test_the_conversation_goes_on_from_an_edited_question_and_can_go_back(page, answers):
    answers.text = lambda question: f"Answer to {question.messages[-1]['content']}"
    for question in ("First?", "Second?", "Third?"):
        ask(page, question)
    page.get_by_role("button", name="Edit the question").nth(1).click()
    page.get_by_role("textbox", name="Edit the question").fill("Another?")
    press(page, "Ask again")
    answered(page)
    assert page.locator(".bubble").all_inner_texts() == ["First?", "Another?"]
    assert texts_of(answers.questions[-1]) == [
        ("user", "First?"), ("assistant", "Answer to First?"), ("user", "Another?"),
    ]  # fmt: skip
    assert "1 later question" in page.locator("#notice").inner_text()
    press(page, "Undo")
    assert page.locator(".bubble").all_inner_texts() == ["First?", "Second?", "Third?"]
    page.reload()
    page.locator("#conversations .title").click()
    assert page.locator(".bubble").all_inner_texts() == ["First?", "Second?", "Third?"]


def test_an_edited_question_keeps_its_files(page, answers, workspace_folder):
    answers.text = "Red."
    ask(page, "Which?", files=[workspace_folder / "media/red.png"])
    press(page, "Edit the question")
    page.get_by_role("textbox", name="Edit the question").fill("Which colour?")
    page.keyboard.press("Enter")
    answered(page)
    assert [item.modality for item in answers.questions[-1].attachments] == ["image"]


def test_a_question_that_failed_is_not_read_again(page, answers):
    from macaw_cli.serving.api_errors import too_busy

    answers.text = too_busy()
    ask(page, "First?")
    answers.text = "Fine."
    ask(page, "Second?")
    assert texts_of(answers.questions[-1]) == [("user", "Second?")]


def test_system_prompt_and_sampling_go_with_the_request_and_are_kept(page, answers):
    answers.text = "Aye."
    page.click("#open-settings")
    page.fill("#system", "Speak like a pirate.")
    for name, value in {"temperature": "0.3", "topP": "0.8", "maxTokens": "9", "seed": "5"}.items():
        page.fill(f"[name={name}]", value)
    press(page, "Save")
    opened(page)
    ask(page, "Ready?")
    question = answers.questions[-1]
    assert texts_of(question) == [("system", "Speak like a pirate."), ("user", "Ready?")]
    assert (question.sampling.temperature, question.sampling.top_p) == (0.3, 0.8)
    assert (question.max_new_tokens, question.seed) == (9, 5)
    page.click("#open-settings")
    press(page, "Leave all to the model")
    press(page, "Save")
    ask(page, "And now?")
    question = answers.questions[-1]
    assert (question.sampling.temperature, question.sampling.top_p, question.max_new_tokens) == (None, None, None)


def test_a_conversation_and_its_files_are_there_after_a_reload(page, answers, workspace_folder):
    answers.text = "**Red.**"
    ask(page, "Which colour?", files=[workspace_folder / "media/red.png", workspace_folder / "media/film.mp4"])
    press(page, "Blind")
    answered(page)
    page.reload()
    page.locator("#conversations .title").click()
    expect(page.locator(".turn .medium img")).to_have_js_property("naturalWidth", 40)
    assert page.locator(".columns .answer strong").all_inner_texts() == ["Red.", "Red."]
    ask(page, "And now?")
    assert [item.modality for item in answers.questions[-1].attachments if not item.soundtrack] == ["image", "video"]


def test_an_answer_that_came_when_the_page_was_closed_is_shown_as_stopped(page, answers):
    answers.text = ENDLESS
    ask(page, "Tell me all.", wait=False)
    page.wait_for_selector("#conversations .title")
    page.wait_for_timeout(200)
    page.reload()
    page.locator("#conversations .title").click()
    assert page.locator(".bubble").inner_text() == "Tell me all."
    assert page.locator(".ending .note").inner_text() == "Stopped."


def test_several_conversations_are_kept_apart_and_the_newest_is_first(page, answers):
    answers.text = "Yes."
    ask(page, "First?")
    press(page, "New conversation")
    ask(page, "Second?")
    titles = page.locator("#conversations bdi")
    assert titles.all_inner_texts() == ["Second?", "First?"]
    titles.nth(1).click()
    assert page.locator(".bubble").all_inner_texts() == ["First?"]
    ask(page, "Third?")
    assert len(answers.questions[-1].messages) == 3
    assert titles.all_inner_texts() == ["First?", "Second?"]


def test_a_deleted_conversation_and_its_files_leave_the_browser(page, answers, workspace_folder):
    answers.text = "Red."
    ask(page, "Which colour?", files=[workspace_folder / "media/red.png"])
    press(page, "Delete this conversation")
    press(page, "Cancel")
    assert page.locator(".bubble").count() == 1
    press(page, "Delete this conversation")
    press(page, "Delete")
    page.wait_for_selector("#welcome:not([hidden])")
    page.reload()
    page.wait_for_selector("#no-conversations:not([hidden])")
    assert page.evaluate(COUNT, "media") == page.evaluate(COUNT, "conversations") == 0


COUNT = """(name) => new Promise((resolve) => {
  const opening = indexedDB.open("macaw-chat");
  opening.onsuccess = () => {
    const counting = opening.result.transaction(name).objectStore(name).count();
    counting.onsuccess = () => { opening.result.close(); resolve(counting.result); };
  };
})"""


def test_an_exported_conversation_is_a_request_of_openais_api(page, answers, workspace_folder, served):
    import openai

    answers.text = "Red."
    ask(page, "Which colour?", files=[workspace_folder / "media/red.png"])
    with page.expect_download() as download:
        press(page, "Export this conversation")
    assert download.value.suggested_filename == "Which-colour.json"
    request = json.loads(download.value.path().read_text())
    assert request["messages"][-1]["role"] == "user"
    assert request["prediction"] == {"type": "content", "content": "Red."}
    answers.text = "Still red."
    with openai.OpenAI(base_url=f"{served[0]}/v1", api_key="none") as client:
        said = client.chat.completions.create(**request)
    assert said.choices[0].message.content == "Still red."
    assert [item.modality for item in answers.questions[-1].attachments] == ["image"]


def test_where_the_browser_keeps_nothing_the_conversation_goes_on(new_page, served, answers):
    page = new_page(served[0])
    page.add_init_script("Object.defineProperty(window, 'indexedDB', { get() { throw new Error('forbidden'); } })")
    opened(page)
    answers.text = "Yes."
    ask(page, "First?")
    ask(page, "Second?")
    assert len(answers.questions[-1].messages) == 3


@pytest.mark.parametrize("text", ["", "   "])
def test_an_empty_answer_is_told(page, answers, text):
    answers.text = text
    ask(page, "Say nothing.")
    assert page.locator(".ending .note").inner_text() == "The answer is empty."
