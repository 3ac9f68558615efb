"""Everything can be done from the keyboard alone, and a screen reader is told what happens."""

import pytest
from conversing import answered, columns, last_answer
from playwright.sync_api import expect
from scripted_answers import ENDLESS

PLACES = 60
"""More than the page has places for the focus."""


def name_of_focus(page):
    return page.evaluate("""() => {
      const at = document.activeElement;
      return at.ariaLabel || at.labels?.[0]?.innerText || at.innerText;
    }""")


def tab_to(page, name, key="Tab"):
    for _ in range(PLACES):
        if name_of_focus(page) == name:
            return
        page.keyboard.press(key)
    raise AssertionError(f"{name!r} was not reached; the focus is on {name_of_focus(page)!r}")


def test_a_whole_conversation_without_a_mouse(page, answers, workspace_folder):
    media = workspace_folder / "media"
    expect(page.locator("#question")).to_be_focused()
    tab_to(page, "Attach files")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(media / "red.png")
    expect(page.locator("#question")).to_be_focused()

    answers.text = ENDLESS
    page.keyboard.type("Which colour?")
    page.keyboard.press("Enter")
    expect(page.locator(".answer .text")).to_contain_text("and so on")
    tab_to(page, "Stop")
    page.keyboard.press("Enter")
    answered(page)
    assert answers.given_up.wait(2)

    answers.text = lambda question: "Red." if question.attachments else "Nothing."
    tab_to(page, "Regenerate", "Shift+Tab")
    page.keyboard.press("Enter")
    answered(page)
    assert last_answer(page) == "Red."
    expect(page.get_by_role("button", name="Regenerate")).to_be_focused()

    tab_to(page, "Blind")
    page.keyboard.press("Space")
    answered(page)
    expect(page.get_by_role("button", name="Blind")).to_be_focused()
    tab_to(page, "Swap")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(media / "blue.png")
    expect(page.locator(".verdict")).to_have_count(2)
    answered(page)
    assert columns(page) == {"Answer": "Red.", "Without media": "Nothing.", "With blue.png": "Red."}

    tab_to(page, "Edit the question", "Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Edit the question")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("Which shape?")
    page.keyboard.press("Enter")
    answered(page)
    assert page.locator(".bubble").all_inner_texts() == ["Which shape?"]
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.type("line one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("line two")
    page.keyboard.press("Enter")
    answered(page)
    assert answers.questions[-1].messages[-1]["content"] == "line one\nline two"


def test_escape_stops_the_answer(page, answers):
    answers.text = ENDLESS
    page.keyboard.type("Tell me all.")
    page.keyboard.press("Enter")
    expect(page.locator(".answer .text")).to_contain_text("and so on")
    page.keyboard.press("Escape")
    answered(page)
    assert answers.given_up.wait(2)


@pytest.mark.parametrize("width", [1280, 400])
def test_the_focus_goes_round_the_page_and_is_never_caught(page, answers, workspace_folder, width):
    page.set_viewport_size({"width": width, "height": 800})
    answers.text = "A [link](https://example.org).\n\n```\ncode\n```\n\n| a |\n|---|\n| b |"
    page.set_input_files("#files", [str(workspace_folder / "media/beep.wav"), str(workspace_folder / "media/film.mp4")])
    page.keyboard.type("What?")
    page.keyboard.press("Enter")
    answered(page)
    seen = []
    for _ in range(PLACES):
        page.keyboard.press("Tab")
        seen.append(name_of_focus(page))
    start = seen.index("Skip to the question")
    again = seen.index("Skip to the question", start + 1)
    once = seen[start:again]
    expected = {
        "Conversations", "Settings", "Edit the question", "link", "Code", "Copy code", "Table", "Blind", "Attach files",
    }  # fmt: skip
    assert expected - set(once) == set()
    assert ("New conversation" in once) == (width == 1280)


def test_the_skip_link_leads_to_the_question(page):
    page.get_by_role("link", name="Skip to the question").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#question")).to_be_focused()


def test_whatever_has_the_focus_is_outlined(page):
    for name in ("Settings", "Attach files"):
        tab_to(page, name)
        outline = "() => getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(outline) == "solid"


def test_dialogs_take_the_focus_and_give_it_back(page):
    tab_to(page, "Settings")
    page.keyboard.press("Enter")
    expect(page.locator("#system")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Settings")).to_be_focused()


def test_on_a_small_screen_the_list_opens_takes_the_focus_and_closes(page):
    page.set_viewport_size({"width": 400, "height": 800})
    menu = page.get_by_role("button", name="Conversations")
    expect(menu).to_have_attribute("aria-expanded", "false")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="New conversation")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    expect(menu).to_have_attribute("aria-expanded", "false")


def test_an_answer_is_read_to_a_screen_reader_sentence_by_sentence(page, answers):
    answers.text = "The first one. And the second one?\nThe rest"
    page.keyboard.type("Go on.")
    page.keyboard.press("Enter")
    answered(page)
    live = page.locator("#live")
    expect(live).to_have_attribute("aria-live", "polite")
    said = "\n".join(live.locator("p").all_text_contents())
    assert said.startswith("Answering")
    for part in ("The first one.", "And the second one?", "The rest", "The answer is complete"):
        assert said.count(part) == 1
