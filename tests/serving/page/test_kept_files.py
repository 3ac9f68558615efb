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
STORED_AT_LAST = f"""async (wanted) => {{
  let names = [];
  for (let left = 250; left && names.join() !== wanted.join(); left--) {{
    names = await ({STORED})();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }}
  return names;
}}"""
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
    everything = ["beep.wav", "blue.png", "red.png"]
    assert page.evaluate(STORED_AT_LAST, everything) == everything
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
    assert page.evaluate(STORED_AT_LAST, ["red.png"]) == ["red.png"]


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


FAILING = """
const put = IDBObjectStore.prototype.put;
let room = ROOM, failures = FAILURES;
IDBObjectStore.prototype.put = function (row) {
  const request = put.call(this, row), { transaction } = this;
  if (this.name === "media") this.count().onsuccess = ({ target }) => {
    if (target.result > room) {
      Object.defineProperty(transaction, "error", { value: new DOMException("full", "QuotaExceededError") });
      transaction.abort();
    } else if (failures-- > 0) transaction.abort();
  };
  return request;
};
"""


def failing_page(new_page, server, room, failures=0):
    """A page whose browser has room for so many files, and fails to keep the first ones for another reason."""
    page = new_page(server)
    page.add_init_script(FAILING.replace("ROOM", str(room)).replace("FAILURES", str(failures)))
    return opened(page)


def test_a_file_that_has_room_once_unused_ones_are_removed_is_kept(new_page, served, answers, workspace_folder):
    page = failing_page(new_page, served[0], room=1)
    page.evaluate(PUT, ORPHAN)
    answers.text = "Red."
    ask(page, "Which?", files=[workspace_folder / "media/red.png"])
    assert page.evaluate(STORED_AT_LAST, ["red.png"]) == ["red.png"]
    assert not page.locator("#notice").is_visible()


def test_a_failure_that_is_no_lack_of_room_gives_no_file_up(new_page, served, answers, workspace_folder):
    page = failing_page(new_page, served[0], room=9, failures=4)  # the question and the answer, each tried twice
    answers.text = "Red."
    ask(page, "Which?", files=[workspace_folder / "media/red.png"])
    expect(page.locator("#notice")).to_contain_text("no room")
    assert page.evaluate(STORED) == []
    ask(page, "Still?")
    assert page.evaluate(STORED_AT_LAST, ["red.png"]) == ["red.png"]


def test_where_there_is_no_room_for_a_file_the_text_is_kept_and_it_is_told_once(
    new_page, served, answers, workspace_folder
):
    page = failing_page(new_page, served[0], room=0)
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
