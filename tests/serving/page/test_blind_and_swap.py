"""Does the model look? The same question without media, or with others, side by side with the answer."""

from conversing import answered, ask, choose, columns, press

STORED_COMPARISONS = """() => new Promise((resolve) => {
  const opening = indexedDB.open("macaw-chat", 1);
  opening.onsuccess = () => {
    const reading = opening.result.transaction("conversations").objectStore("conversations").getAll();
    reading.onsuccess = () => {
      opening.result.close();
      resolve(reading.result.flatMap(({ turns }) => turns.flatMap(({ comparisons }) => comparisons)).length);
    };
  };
})"""
"""Comparisons that the browser keeps."""


def kinds(question):
    return [item.modality for item in question.attachments if not item.soundtrack]


def test_blind_and_swap_stand_beside_the_answer(page, answers, workspace_folder):
    media = workspace_folder / "media"
    answers.text = lambda question: "I see nothing." if not question.attachments else "It is red."
    ask(page, "Which colour?", files=[media / "red.png"])
    press(page, "Blind")
    answered(page)
    choose(page, "Swap", media / "blue.png")
    answered(page)
    assert columns(page) == {
        "Answer": "It is red.", "Without media": "I see nothing.", "With blue.png": "It is red.",
    }  # fmt: skip
    assert page.locator(".verdict").all_inner_texts() == ["Another answer", "The same answer"]
    asked, blind, swapped = answers.questions
    assert (kinds(asked), kinds(blind), kinds(swapped)) == (["image"], [], ["image"])
    assert not (asked.attachments[0].features == swapped.attachments[0].features).all()
    assert asked.seed == blind.seed == swapped.seed
    assert [one.messages[-1]["content"] for one in answers.questions] == ["Which colour?"] * 3


def test_the_real_model_answers_otherwise_without_its_image(page, workspace_folder):
    ask(page, "What is this?", files=[workspace_folder / "media/red.png"])
    press(page, "Blind")
    answered(page)
    choose(page, "Swap", workspace_folder / "media/red.png")
    answered(page)
    said = columns(page)
    assert said["Answer"] != said["Without media"]
    assert said["Answer"] == said["With red.png"]


def test_blind_leaves_out_the_media_of_the_whole_conversation(page, answers, workspace_folder):
    answers.text = "Well."
    ask(page, "What is this?", files=[workspace_folder / "media/red.png"])
    ask(page, "And this?", files=[workspace_folder / "media/beep.wav"])
    press(page, "Blind")
    answered(page)
    assert kinds(answers.questions[-1]) == []
    assert len(answers.questions[-1].messages) == 3


def test_swap_replaces_the_newest_medium_of_that_kind(page, answers, workspace_folder):
    media = workspace_folder / "media"
    answers.text = "Well."
    ask(page, "What is this?", files=[media / "red.png", media / "beep.wav"])
    ask(page, "And this?", files=[media / "blue.png"])
    choose(page, "Swap", media / "red.png")
    answered(page)
    images = [item.features for item in answers.questions[-1].attachments if item.modality == "image"]
    assert kinds(answers.questions[-1]) == ["image", "audio", "image"]
    assert (images[0] == images[1]).all()


def test_a_file_of_another_kind_is_not_swapped(page, answers, workspace_folder):
    answers.text = "Red."
    ask(page, "Which?", files=[workspace_folder / "media/red.png"])
    choose(page, "Swap", workspace_folder / "media/beep.wav")
    page.wait_for_selector("#notice p")
    assert page.locator("#notice p").inner_text() == "There is no audio to swap. Choose an image."
    assert len(answers.questions) == 1


def test_a_question_without_media_has_neither(page, answers):
    answers.text = "Hello."
    ask(page, "Hello?")
    assert page.get_by_role("button", name="Blind").count() == 0
    assert page.get_by_role("button", name="Swap").count() == 0


def test_a_comparison_can_be_removed_and_asked_again(page, answers, workspace_folder):
    answers.text = "Red."
    ask(page, "Which?", files=[workspace_folder / "media/red.png"])
    press(page, "Blind")
    answered(page)
    press(page, "Blind")
    answered(page)
    assert list(columns(page)) == ["Answer", "Without media"]
    press(page, "Remove this comparison")
    assert page.locator(".columns").count() == 0
    assert page.evaluate(STORED_COMPARISONS) == 0  # reading waits for what is being written
    page.reload()
    page.locator("#conversations .title").click()
    assert page.locator(".columns").count() == 0


def test_a_comparison_that_is_stopped_leaves_the_answer_as_it_was(page, answers, workspace_folder):
    from scripted_answers import ENDLESS

    answers.text = "Red."
    ask(page, "Which?", files=[workspace_folder / "media/red.png"])
    answers.text = ENDLESS
    press(page, "Blind")
    page.get_by_role("button", name="Stop").click()
    answered(page)
    assert columns(page)["Answer"] == "Red."
    assert page.locator(".verdict").count() == 0
