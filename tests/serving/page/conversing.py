"""What a person does on the page, and what they see."""


def opened(page):
    """The page, when it is connected to its server."""
    from playwright.sync_api import expect

    page.goto("/")
    expect(page.locator("#model")).not_to_have_text("connecting …")
    return page


def ask(page, question, *, files=(), wait=True):
    if files:
        page.set_input_files("#files", [str(file) for file in files])
    page.fill("#question", question)
    page.keyboard.press("Enter")
    if wait:
        answered(page)


def answered(page):
    """Waits until nothing is being answered."""
    page.wait_for_selector("body:not(.busy)")
    page.wait_for_selector("#send[aria-label=Send]")


def last_answer(page):
    return page.locator(".turn").last.locator(".answer .text").first.inner_text()


def columns(page):
    """Name and text of the answers that stand side by side in the last turn."""
    cards = page.locator(".turn").last.locator(".columns .answer")
    return {card.get_attribute("aria-label"): card.locator(".text").inner_text() for card in cards.all()}


def press(page, name, **options):
    page.get_by_role("button", name=name, exact=True, **options).last.click()


def choose(page, name, file):
    """Presses a button that asks for a file."""
    with page.expect_file_chooser() as chooser:
        press(page, name)
    chooser.value.set_files(str(file))
