"""The checks of axe-core, in light and dark, on every state of the page."""

import pytest
from conversing import answered, ask, choose, opened, press

SHOWN = """# Title
Text with **bold**, `code` and a [link](https://example.org).

> quoted

```python
x = 1
```

| a | b |
|---|--:|
| 1 | 2 |

1. one
   - two
"""


def violations(page):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [(one["id"], node["html"][:120], node["failureSummary"]) for one in found for node in one["nodes"]]


@pytest.fixture(params=["light", "dark"])
def coloured(request, new_page, served, answers):
    # axe is a script that the page's policy would refuse
    page = new_page(served[0], color_scheme=request.param, bypass_csp=True, reduced_motion="reduce")
    return opened(page)


def test_axe_finds_nothing_on_the_empty_page_and_in_its_dialogs(coloured):
    assert violations(coloured) == []
    coloured.click("#open-settings")
    assert violations(coloured) == []


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_in_a_conversation(coloured, answers, workspace_folder, width):
    coloured.set_viewport_size({"width": width, "height": 900})
    media = workspace_folder / "media"
    answers.text = SHOWN
    ask(coloured, "What is it?", files=[media / "red.png", media / "beep.wav", media / "film.mp4"])
    press(coloured, "Blind")
    answered(coloured)
    choose(coloured, "Swap", media / "blue.png")
    answered(coloured)
    answers.text = ""
    ask(coloured, "And now?")
    coloured.get_by_role("button", name="Edit the question").first.click()
    coloured.set_input_files("#files", [str(media / "red.png")])
    assert violations(coloured) == []
    coloured.locator("#conversation").evaluate("pane => pane.scrollTop = 0")
    assert violations(coloured) == []


def test_axe_finds_nothing_in_the_list_of_a_small_screen_and_in_a_question_whether_to_delete(coloured, answers):
    answers.text = "Yes."
    coloured.set_viewport_size({"width": 390, "height": 900})
    ask(coloured, "Ready?")
    coloured.click("#menu")
    assert violations(coloured) == []
    press(coloured, "Delete this conversation")
    assert violations(coloured) == []


def test_the_switch_of_colours_is_kept_and_wins_over_the_systems(new_page, served):
    page = new_page(served[0], color_scheme="dark")
    page.goto("/")
    colour = "() => getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    page.get_by_role("button", name="Switch to light colours").click()
    light = page.evaluate(colour)
    assert light != dark
    page.reload()
    assert page.evaluate(colour) == light
    page.get_by_role("button", name="Switch to dark colours").click()
    assert page.evaluate(colour) == dark


def test_nothing_moves_for_those_who_want_no_motion(new_page, served, answers):
    from scripted_answers import ENDLESS

    page = opened(new_page(served[0], reduced_motion="reduce"))
    answers.text = ENDLESS
    ask(page, "Go on.", wait=False)
    page.wait_for_selector("#send.stop")
    assert page.evaluate("() => document.getAnimations().length") == 0


@pytest.mark.parametrize("width", [320, 390, 700])
def test_nothing_is_wider_than_a_small_screen(page, answers, workspace_folder, width):
    page.set_viewport_size({"width": width, "height": 700})
    media = workspace_folder / "media"
    answers.text = SHOWN + "\n\n" + "long" * 200 + "\n\n```\n" + "x" * 400 + "\n```"
    ask(page, "w" * 300, files=[media / "red.png", media / "beep.wav"])
    press(page, "Blind")
    answered(page)
    widths = "() => [document.documentElement.scrollWidth, document.getElementById('conversation').scrollWidth]"
    assert max(page.evaluate(widths)) <= width
