"""Files that the browser keeps: all that a conversation has, and no others."""

from conversing import answered, ask, choose, opened, press
from playwright.sync_api import expect

STORED = """() => new Promise((resolve) => {
  const opening = indexedDB.open("macaw-chat");
  opening.onsuccess = () => {
    const reading = opening.result.transaction("media").objectStore("media").getAll();
    reading.onsuccess = () => {
      opening.result.close();
      resolve(reading.result.map(({ blob }) => blob.name ?? "orphan").sort());
    };
  };
})"""
PUT = """([name, row]) => new Promise((resolve) => {
  const opening = indexedDB.open("macaw-chat");
  opening.onsuccess = () => {
    const writing = opening.result.transaction(name, "readwrite");
    writing.objectStore(name).put(name === "media" ? { ...row, blob: new Blob(["x"]) } : row);
    writing.oncomplete = () => { opening.result.close(); resolve(); };
  };
})"""
ORPHAN = ["media", {"id": "left by an earlier page"}]


def take_red_away(page):
    press(page, "Edit the question")
    press(page, "Remove red.png")
    page.keyboard.press("Enter")
    answered(page)


def kinds(answers):
    return [item.modality for item in answers.questions[-1].attachments]


def test_a_file_that_an_edit_takes_away_is_removed_and_undo_brings_it_back(page, answers, workspace_folder):
    answers.text = "Red."
    ask(page, "Which?", files=[workspace_folder / "media/red.png", workspace_folder / "media/beep.wav"])
    ask(page, "And this?", files=[workspace_folder / "media/blue.png"])
    assert page.evaluate(STORED) == ["beep.wav", "blue.png", "red.png"]
    page.reload()  # all that the page knows of the files is in the browser
    expect(page.locator(".bubble")).to_have_count(2)
    page.locator(".turn").first.get_by_role("button", name="Edit the question").click()
    press(page, "Remove red.png")
    page.keyboard.press("Enter")
    answered(page)
    expect(page.locator(".bubble")).to_have_count(1)
    assert page.evaluate(STORED) == ["beep.wav"]
    press(page, "Undo")
    expect(page.locator(".bubble")).to_have_count(2)
    page.wait_for_function(f"({STORED})().then((names) => names.length === 3)")
    page.reload()
    expect(page.locator(".bubble")).to_have_count(2)
    ask(page, "Once more?")
    assert kinds(answers) == ["image", "audio", "image"]


def test_a_file_of_a_comparison_is_kept_as_long_as_the_comparison(page, answers, workspace_folder):
    answers.text = "Red."
    ask(page, "Which?", files=[workspace_folder / "media/red.png"])
    choose(page, "Swap", workspace_folder / "media/blue.png")
    answered(page)
    assert page.evaluate(STORED) == ["blue.png", "red.png"]
    press(page, "Remove this comparison")
    page.wait_for_function(f"({STORED})().then((names) => names.length === 1)")
    assert page.evaluate(STORED) == ["red.png"]


def test_what_another_tab_shows_is_kept_and_what_is_left_of_an_earlier_page_is_not(page, answers, workspace_folder):
    answers.text = "Red."
    ask(page, "Which?", files=[workspace_folder / "media/red.png"])
    page.evaluate(PUT, ORPHAN)
    other = opened(page.context.new_page())
    ask(other, "And here?", files=[workspace_folder / "media/blue.png"])
    assert page.evaluate(STORED) == ["blue.png", "red.png"]
    # another tab takes a file from the conversation that this one shows: it is saved again with what is shown here
    other.locator("#conversations .title").last.click()
    take_red_away(other)
    assert page.evaluate(STORED) == ["blue.png"]
    ask(page, "Still red?")
    assert kinds(answers) == ["image"]
    assert page.evaluate(STORED) == ["blue.png", "red.png"]


def test_beside_a_conversation_that_cannot_be_read_nothing_is_removed_but_what_is_deleted(
    page, answers, workspace_folder
):
    page.evaluate(PUT, ["conversations", {"id": "of a later page", "title": "later", "updated": 1, "turns": "packed"}])
    page.evaluate(PUT, ORPHAN)
    answers.text = "Red."
    ask(page, "Which?", files=[workspace_folder / "media/red.png"])
    take_red_away(page)
    assert page.evaluate(STORED) == ["orphan", "red.png"]
    press(page, "Undo")
    press(page, "Delete this conversation")
    press(page, "Delete")
    page.wait_for_selector("#welcome:not([hidden])")
    assert page.evaluate(STORED) == ["orphan"]


NO_ROOM = """
const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (row) {
  const request = put.call(this, row);
  if (this.name === "media") request.addEventListener("success", () => this.transaction.abort());
  return request;
};
"""


def test_where_there_is_no_room_for_a_file_the_text_is_kept_and_it_is_told_once(
    new_page, served, answers, workspace_folder
):
    page = new_page(served[0])
    page.add_init_script(NO_ROOM)
    opened(page)
    answers.text = "Red."
    ask(page, "Which?", files=[workspace_folder / "media/red.png"])
    expect(page.locator("#notice")).to_contain_text("no room")
    page.locator("#notice").get_by_role("button").last.click()
    ask(page, "Still?")
    assert kinds(answers) == ["image"]
    assert not page.locator("#notice").is_visible()
    page.reload()
    expect(page.locator(".bubble")).to_have_count(2)
    assert page.evaluate(STORED) == []
