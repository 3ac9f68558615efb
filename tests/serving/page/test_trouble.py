"""What goes wrong is told in plain words, and the page goes on."""

import pytest
from conversing import answered, ask, last_answer, opened, press
from playwright.sync_api import expect
from scripted_answers import ENDLESS, scripted

KEY = "a-key-of-this-test"


def note(page):
    return page.locator(".turn").last.locator(".ending .note").inner_text()


def test_a_refused_question_is_told_in_the_servers_words_and_can_be_asked_again(page, answers):
    from macaw_cli.serving.api_errors import ApiError

    answers.text = ApiError("The conversation is longer than the model's context of 768 tokens. Shorten it.")
    ask(page, "Why?")
    assert note(page) == "The conversation is longer than the model's context of 768 tokens. Shorten it."
    answers.text = "Because."
    press(page, "Regenerate")
    answered(page)
    assert last_answer(page) == "Because."


def test_a_bug_of_the_server_is_told_without_its_words(page, answers, caplog):
    answers.text = RuntimeError("secret")
    ask(page, "Why?")
    assert "secret" not in page.locator("body").inner_text()
    assert note(page) != ""


def test_a_server_that_is_gone_is_told_and_found_again(new_page, make_server, answers):
    with make_server() as server:
        page = opened(new_page(server.url))
    ask(page, "Are you there?")
    assert note(page) == "The server does not answer. Is `macaw serve` still running?"


def test_a_server_that_goes_in_the_middle_of_an_answer_leaves_what_came(new_page, make_server):
    with make_server(grace_s=0) as server:
        answers = scripted(server)
        answers.text = ENDLESS
        page = opened(new_page(server.url))
        ask(page, "Tell me all.", wait=False)
        expect(page.locator(".answer .text")).to_contain_text("and so on and so on")
    answered(page)
    assert "and so on" in last_answer(page)
    assert note(page) != ""


def test_a_key_is_asked_for_and_kept_in_this_tab_alone(new_page, make_server):
    with make_server(KEY) as server:
        page = new_page(server.url)
        page.goto("/")
        expect(page.locator("#key-why")).to_have_text("The server wants an API key.")
        expect(page.locator("#key")).to_be_focused()
        page.keyboard.type("another-key")
        page.keyboard.press("Enter")
        expect(page.locator("#key-why")).to_have_text("The server refused the API key.")
        page.fill("#key", KEY)
        press(page, "Save")
        expect(page.locator("#model")).to_have_text("tiny")
        ask(page, "Ready?")
        assert last_answer(page) != ""
        page.reload()
        expect(page.locator("#model")).to_have_text("tiny")
        kept = "() => [Object.values(sessionStorage), Object.values(localStorage), document.cookie]"
        in_tab, in_browser, cookie = page.evaluate(kept)
        assert in_tab.count(KEY) == 1
        assert KEY not in str(in_browser) + cookie


@pytest.mark.parametrize(("reply", "told"), [
    ("data: no json\n\n", "is no answer"), ("data: null\n\n", "is no answer"), ("data: 5\n\n", "is no answer"),
    ("", "broke off"), ("event: x\r\n: comment\r\ndata: {}\r\n\r\n", "broke off"),
    ('data: {"choices": [{"delta": {"content": 5}}]}\n\n', "broke off"), ('data: {"choices": 5}\n\n', "broke off"),
    ("data: [DONE]\n\n", "is empty"), ("data: {}\n\ndata: [DONE]\n\n", "is empty"),
    ('data: {"error": "Broken."}\n\n', "Broken."), ('data: {"error": {"message": "Broken."}}\n\n', "Broken."),
])  # fmt: skip
def test_a_reply_that_is_none_is_told_and_the_page_goes_on(page, answers, reply, told):
    page.route("**/chat/completions", lambda route: route.fulfill(body=reply, content_type="text/event-stream"))
    ask(page, "Why?")
    assert told in note(page)
    page.unroute("**/chat/completions")
    answers.text = "Because."
    press(page, "Regenerate")
    answered(page)
    assert last_answer(page) == "Because."


@pytest.mark.parametrize(("status", "body", "told"), [
    (413, "<html>too large</html>", "too large"), (429, "", "busy"), (500, "{", "HTTP 500"),
    (502, "<html>", "HTTP 502"),
    (400, '{"error": {"message": "Temperature is too high."}}', "Temperature is too high."),
])  # fmt: skip
def test_answers_of_proxies_are_told_in_plain_words(page, status, body, told):
    page.route("**/chat/completions", lambda route: route.fulfill(status=status, body=body))
    ask(page, "Why?")
    assert told in note(page)


@pytest.mark.parametrize("reply", [
    "{}", "[]", '{"data": []}', "no json", '{"data": [{"id": "m", "modalities": "all"}]}',
])  # fmt: skip
def test_a_list_of_models_that_is_none_is_told(new_page, served, reply):
    page = new_page(served[0])
    page.route("**/v1/models", lambda route: route.fulfill(body=reply, content_type="application/json"))
    page.goto("/")
    expect(page.locator("#notice p")).to_have_text("The server does not say which model it has.")
    expect(page.locator("#model")).to_have_text("not connected")


def test_a_model_that_takes_images_alone_says_so(new_page, served):
    page = new_page(served[0])
    model = '{"data": [{"id": "eyes", "modalities": ["image"], "extensions": {"image": [".png"]}}]}'
    page.route("**/v1/models", lambda route: route.fulfill(body=model, content_type="application/json"))
    page.goto("/")
    expect(page.locator("#takes")).to_have_text("Ask about an image.")
    assert page.get_by_role("button", name="Record the microphone").count() == 0
    page.set_input_files("#files", {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"RIFF"})
    assert page.locator("#notice p").inner_text() == "This model was not trained on audio files. Attach an image."


def test_a_model_of_text_alone_has_no_buttons_for_files(new_page, served):
    page = new_page(served[0])
    model = '{"data": [{"id": "words", "modalities": []}]}'
    page.route("**/v1/models", lambda route: route.fulfill(body=model, content_type="application/json"))
    page.goto("/")
    expect(page.locator("#model")).to_have_text("words")
    assert page.get_by_role("button", name="Attach files").count() == 0
