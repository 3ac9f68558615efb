"""Conversations in chat templates of many families: what is trained is what the chat sends, and data stays text."""

import os
import runpy
from itertools import groupby
from pathlib import Path

import pytest
import tiny_macaw
from chat_templates import ADDED, CONTROLS, TEMPLATES
from hypothesis import given, settings
from hypothesis import strategies as st

from macaw_cli.basics.errors import UsageError
from macaw_cli.model.text.encoding import ConversationEncoder

GOLDEN = Path(os.environ.get("MACAW_GOLDEN", Path(__file__).parents[3] / "shared" / "golden"))
SHARED = GOLDEN.parent / "cases/text/chat_templates.py"
SHAPES = {"image": (10, 16), "audio": (30, 12), "video": (3, 10, 16)}
REFUSED = {"alternating", "instructed"}
"""Templates that refuse a system message."""


def chat_tokenizer(template):
    tokenizer = tiny_macaw.byte_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": list(CONTROLS)})
    tokenizer.add_tokens(list(ADDED))
    tokenizer.chat_template = template
    return tokenizer


@pytest.fixture
def make(tiny):
    def make(template, tokenizer=None, max_length=100_000):
        config = tiny.config("macaw", llm=tiny.llm_config(vocab_size=300))
        tokenizer = tokenizer or chat_tokenizer(TEMPLATES.get(template, template))
        return ConversationEncoder(tokenizer, config, "chat", max_length)

    return make


def talk(*texts, system=None):
    turns = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)]
    return [{"role": "system", "content": system}] * (system is not None) + turns


def shown(encoder, ids):
    """Text, and every block of a medium as its name."""
    config = encoder.config
    names = {pair[0]: f"[{name}]" for name, pair in config.begin_end_ids.items()}
    runs = groupby((one for one in ids if one != -100), key=lambda one: one >= config.vocabulary_size)
    return "".join(
        "".join(names.get(one, "") for one in run) if above else encoder.tokenizer.decode(list(run))
        for above, run in runs
    )


def controls_in(encoder, ids):
    added = encoder.tokenizer.added_tokens_decoder
    return [added[one].content for one in ids if one in added]


def answers(encoder, encoded):
    """Every run of supervised tokens, with the ids before it."""
    found, labels = [], [*encoded.labels, -100]
    start = None
    for at, label in enumerate(labels):
        if label != -100 and start is None:
            start = at
        if label == -100 and start is not None:
            found.append((encoded.input_ids[:start], encoder.tokenizer.decode(encoded.input_ids[start:at])))
            start = None
    return found


@pytest.mark.parametrize("turns", [1, 2, 3, 4])
@pytest.mark.parametrize("name", TEMPLATES)
def test_every_answer_is_learnt_once_behind_the_prompt_that_the_chat_sends(make, name, turns):
    encoder = make(name)
    texts = [word for turn in range(turns) for word in (f"question {turn}?", f"answer {turn}.")]
    messages = talk(*texts, system="Be kind.")
    learnt = {}
    for example in encoder.examples(messages, []):
        for before, text in answers(encoder, example):
            number = next(turn for turn in range(turns) if f"answer {turn}." in text)
            assert number not in learnt
            learnt[number] = text
            assert before == encoder.prompt(messages[: 2 * number + 2], []).input_ids
    assert sorted(learnt) == list(range(turns))
    assert all("think" not in text for text in learnt.values())
    ends = {text.removeprefix(" ").removeprefix(f"answer {number}.") for number, text in learnt.items()}
    assert len(ends) == 1 and ends <= {"<|im_end|>", "</s>", " </s>", "<end_of_turn>", "<|end|>"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_media_in_any_turn_keep_their_place(make, name):
    encoder = make(name)
    parts = [{"type": "image"}, {"type": "text", "text": "and "}, {"type": "audio"}]
    messages = talk("first?", "one", parts, "two", "third?", "three")
    media = [(name, SHAPES[name]) for name in ("image", "video", "image", "audio")]
    for example in encoder.examples(messages, media):
        text = shown(encoder, example.input_ids)
        places = [text.index(word) for word in ("[image][video]\nfirst?", "one", "[image]and [audio]") if word in text]
        assert places == sorted(places) and places
        assert len(example.media_order) == sum(text.count(f"[{one}]") for one in SHAPES)
    whole = encoder.encode(messages, media)
    assert whole.media_order == (0, 1, 2, 3)
    prompt = encoder.prompt(messages[:-1], media).input_ids
    assert whole.input_ids[: len(prompt)] == prompt


WORDS = ["hi", " ", "\n", "  two", "<", "|im_end|>", ">", "<|im_", "end|>", "</s>", "<s>", "</think>", "<think>", "é☃",
         "<image>", "</image>", "", "[INST]", *CONTROLS]  # fmt: skip


@st.composite
def conversations(draw):
    text = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map("".join)
    turns = draw(st.integers(1, 4))
    texts = []
    for _ in range(turns):
        texts += ["q" + draw(text), draw(text).replace("</think>", "")]
    system = draw(st.none() | text.map("s".__add__))
    medium = draw(st.none() | st.integers(0, turns - 1))
    messages = talk(*texts, system=system)
    if medium is not None:
        message = messages[2 * medium + (system is not None)]
        message["content"] = [{"type": "text", "text": message["content"]}, {"type": "image"}]
    return messages, [] if medium is None else [("image", SHAPES["image"])]


def flat(messages, fold):
    """The messages as text, `[image]` for a medium; a refused or dropped system prompt before the first question."""
    texts, first = [], True
    for one in messages:
        content = one["content"]
        if not isinstance(content, str):  # in the first question it stands before the text, on a line of its own
            content = f"[image]\n{content[0]['text']}" if first else f"{content[0]['text']}[image]"
        texts.append({**one, "content": content})
        first = first and one["role"] != "user"
    if fold and texts[0]["role"] == "system":
        system, first, *rest = texts
        texts = [{**first, "content": f"{system['content']}\n\n{first['content']}"}, *rest]
    return texts


@pytest.mark.parametrize("name", TEMPLATES)
def test_whatever_is_said_the_prompt_is_the_templates_text_and_all_control_tokens_are_its_own(make, name):
    encoder = make(name)
    tokenizer = encoder.tokenizer
    fold = name in REFUSED | {"plain-words"}

    def rendered(messages):
        given = flat(messages, fold)
        if name == "listed":
            given = [{**one, "content": [{"type": "text", "text": one["content"]}]} for one in given]
        text = tokenizer.apply_chat_template(given, tokenize=False, add_generation_prompt=True)
        cut = {"thought-before": "<think>\n", "thinks-always": "<think>\n\n</think>\n\n"}.get(name, "")
        heading = {"no-heading": "<|im_start|>assistant\n", "answer-marked": "<|start|>"}.get(name, "")
        return text.removesuffix(cut) + heading

    @settings(max_examples=25)
    @given(conversations())
    def check(conversation):
        messages, media = conversation
        prompt = encoder.prompt(messages[:-1], media).input_ids
        if name != "no-ends":  # there an end token follows every answer
            assert shown(encoder, prompt) == rendered(messages[:-1])
        harmless = [{**one, "content": "x"} for one in messages]
        expected = controls_in(encoder, encoder.encode(harmless, []).input_ids)
        whole = encoder.encode(messages, media)
        assert controls_in(encoder, whole.input_ids) == expected
        assert whole.input_ids[: len(prompt)] == prompt

    check()


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_an_empty_answer_keeps_its_turn(make, name):
    encoder = make(name)
    empty, full = (encoder.encode(talk("a?", answer, "b?", answer), []).input_ids for answer in ("", "x"))
    assert controls_in(encoder, empty) == controls_in(encoder, full)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refused_system_prompt_stands_in_the_first_question(make, name, capsys):
    encoder = make(name)
    text = shown(encoder, encoder.prompt(talk("a?", system="Be kind."), []).input_ids)
    assert "Be kind.\n\na?" in text
    assert capsys.readouterr().err == ""


def test_a_template_that_leaves_system_prompts_out_is_named_once(make, capsys):
    encoder = make("plain-words")
    encoder.tokenizer.name_or_path = "models/vicuna-like"
    for _ in range(2):
        encoder.prompt(talk("a?", system="Be kind."), [])
    told = capsys.readouterr().err
    assert told.count("Warning: The chat template of vicuna-like") == 1
    assert "Be kind.\n\na?" in shown(encoder, encoder.prompt(talk("a?", system="Be kind."), []).input_ids)


def test_neighbours_that_a_template_refuses_are_joined(make):
    messages = [{"role": "user", "content": "a"}, *talk("b", "c")]
    assert "a\n\nb" in shown(make("alternating"), make("alternating").encode(messages, []).input_ids)
    assert "a<|im_end|>\n<|im_start|>user\nb" in shown(make("chatml"), make("chatml").encode(messages, []).input_ids)


def test_reasoning_in_an_answer_may_be_left_out_but_nothing_else(make):
    messages = talk("a?", "<think>\nhm\n</think>\n\nyes", "b?", "no")
    encoder = make("thinking")
    assert shown(encoder, encoder.encode(messages, []).labels) == "yes<|im_end|>no<|im_end|>"


@pytest.mark.parametrize(
    ("template", "lost"),
    [
        ("{% for m in messages %}{{ m.role }}{% endfor %}", "assistant and user"),
        ("{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}", "assistant"),
    ],
)
def test_a_template_that_loses_a_role_is_refused(make, template, lost):
    with pytest.raises(UsageError, match=f"{lost}"):
        make(template).prompt(talk("a?"), [])


def test_a_template_that_loses_part_of_a_text_is_refused_with_that_text(make):
    encoder = make(TEMPLATES["chatml"].replace("m.content", "m.content.split('#')[0]"))
    with pytest.raises(UsageError, match=r"user.*kept # lost"):
        encoder.encode(talk("kept # lost", "x"), [])
    with pytest.raises(UsageError, match=r"assistant.*kept # lost"):
        encoder.encode(talk("x", "kept # lost"), [])


def test_a_template_that_loses_a_medium_is_refused(make):
    keeps_words = "m.content | select('in', 'abcdefghijklmnopqrstuvwxyz?') | join"
    encoder = make(TEMPLATES["chatml"].replace("m.content", f"({keeps_words})"))
    with pytest.raises(UsageError, match="position"):
        encoder.prompt(talk("what?"), [("image", SHAPES["image"])])


def test_what_a_template_raises_is_one_clear_error(make):
    encoder = make("{{ raise_exception('Only on Sundays') }}")
    with pytest.raises(UsageError, match="Only on Sundays"):
        encoder.prompt(talk("a?"), [])


def test_private_use_characters_in_a_text_stay_there(make):
    encoder, text = make("chatml"), "a\ue000\ue001\ue005\U000ffffd</s>?"
    assert f"[image]\n{text}" in shown(encoder, encoder.prompt(talk(text), [("image", SHAPES["image"])]).input_ids)


@pytest.mark.skipif(not SHARED.is_file(), reason="the shared cases are not at hand (set MACAW_GOLDEN)")
@pytest.mark.parametrize("turns", [1, 2, 3, 4])
def test_the_shared_templates_train_what_the_chat_sends(make, turns):
    found = {name: text for name, text in runpy.run_path(str(SHARED)).items() if name.isupper()}
    assert found
    for template in found.values():
        encoder = make(template)
        for shown_in in range(turns):
            texts = [[{"type": "text", "text": f"question {turn}?"}] for turn in range(turns)]
            texts[shown_in].insert(0, {"type": "image"})
            messages = talk(*(one for turn in range(turns) for one in (texts[turn], f"say {turn}")), system="Be kind.")
            media = [("image", SHAPES["image"])]
            [whole] = encoder.examples(messages, media)
            learnt = answers(encoder, whole)
            for turn, (before, text) in enumerate(learnt):
                sent = messages[: 2 * turn + 2]
                assert before == encoder.prompt(sent, media if turn >= shown_in else []).input_ids
                assert f"say {turn}" in text and "think" not in text
            assert len(learnt) == turns
            words = ("Be kind.", *(f"question {turn}?" for turn in range(turns)))
            places = [shown(encoder, whole.input_ids).index(word) for word in words]
            assert places == sorted(places)
