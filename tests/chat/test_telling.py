"""What `/info`, `/set` and the line below an answer say."""

import pytest

from macaw_cli.chat.answer import Answer
from macaw_cli.chat.changes import shown_settings
from macaw_cli.chat.session import ChatSession
from macaw_cli.chat.telling import info_lines, timing_line
from macaw_cli.chat.turns import Turn
from macaw_cli.config.chat_settings import ChatSettings
from macaw_cli.model.folder import load_model


@pytest.fixture
def session(workspace_folder):
    model, processor = load_model(workspace_folder / "runs/tiny")
    return ChatSession(model, processor.encoder, ChatSettings(max_new_tokens=4))


def line(session, title):
    return next(one for one in info_lines(session, "tiny") if one.startswith(title))


def test_the_llm_is_counted_without_bridges_and_encoders(session):
    llm = sum(one.numel() for one in session.model.language_model.parameters())
    assert llm < sum(one.numel() for one in session.model.parameters())
    assert f"{llm / 1e6:,.1f} M parameters" in line(session, "LLM")


def test_a_question_that_is_taken_back_counts_no_more(session):
    assert session.length == 0
    list(session.ask("What is this?"))
    once = session.length
    list(session.ask("And that?"))
    assert session.length > once
    session.undo()
    assert session.length == once and f", {once} of" in line(session, "Conversation")
    assert f"{once} of them" in line(session, "Conversation")
    session.go_on_from([Turn("What?", answer="A")], [])
    assert session.length is None and "with the next answer" in line(session, "Conversation")


def test_unset_settings_say_what_holds():
    told = {one.split()[0]: one for one in shown_settings(ChatSettings(), 0)}
    assert "512" in told["max_new_tokens"]
    assert "integer" in told["constraint"] and "generation_config" not in told["constraint"]


def test_an_answer_that_is_cut_names_the_setting_as_it_is_typed():
    assert "cut at max_new_tokens" in timing_line(Answer(ending="length", completion_tokens=4))


def test_an_answer_of_one_token_has_no_speed():
    assert Answer(completion_tokens=1).as_json()["timings"]["tokens_per_s"] is None
