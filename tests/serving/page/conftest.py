"""A real browser, and a real server that it opens: only what the model answers can be written by a test."""

import shutil

import pytest
from conversing import opened
from scripted_answers import scripted

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
"""The microphone is chromium's own, which beeps; nobody is asked whether it may be used."""
PATIENCE_MS = 20_000
"""For a machine that does other things as well."""
FORBIDDEN = ("Content Security Policy", "TrustedHTML", "TrustedScript")


@pytest.fixture(scope="module")
def browser():
    """Ends with the module: while Playwright runs, its thread has an event loop, which other tests cannot have."""
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(make_server):
    """The address of a server, and its answers."""
    with make_server(max_new_tokens=12) as server:
        yield server.url, scripted(server)


@pytest.fixture
def answers(served):
    """What the model of this module's server says; as a test begins, the tiny model itself."""
    _, answers = served
    answers.forget()
    return answers


@pytest.fixture
def new_page(browser):
    """`new_page(url, **context)`: a tab of a browser that has kept nothing.

    A test fails where the page throws, does what its policy forbids, or asks another origin for anything.
    """
    contexts, wrong = [], []

    def make(url, **options):
        context = browser.new_context(base_url=url, **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("filechooser", lambda _: None)  # taken from now on, not from the first wait for one
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda said: wrong.append(said.text) if any(w in said.text for w in FORBIDDEN) else None)
        own = (f"{url}/", "blob:", "data:")
        context.on("request", lambda asked: None if asked.url.startswith(own) else wrong.append(asked.url))
        return page

    yield make
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def page(new_page, served, answers):
    """The page, connected to its server."""
    return opened(new_page(served[0]))
