"""Metrics of captions equal the figures of the official scorers (pycocoevalcap 1.2 with its Java tokenizer)."""

import pytest
from caption_examples import CAPTIONED, INSTANCES
from hypothesis import given
from hypothesis import strategies as st

from macaw_cli.evaluation.metrics.caption_bleu import caption_bleu
from macaw_cli.evaluation.metrics.caption_rouge import caption_rouge_l
from macaw_cli.evaluation.metrics.caption_words import caption_words
from macaw_cli.evaluation.metrics.chair import Described, Hallucination, chair, named_objects
from macaw_cli.evaluation.metrics.chair_objects import category_of_words
from macaw_cli.evaluation.metrics.cider import cider_d, mean_cider_d
from macaw_cli.evaluation.metrics.referenced import Referenced

texts = st.text(st.characters(codec="utf-8"), max_size=30)
OFFICIAL = [
    (slice(None), (0.6124113678, 0.4795773120, 0.3152086200, 0.1631210419), 1.1617110617, 0.4551277297),
    (slice(4), (0.7567567567, 0.6243751995, 0.4320640979, 0.2383285842), 1.6913896796, 0.7140897204),
    (slice(2, 5), (0.6153846154, 0.4327712674, 0.2655658822, 0.1821868300), 1.2174110797, 0.6088003933),
]


@pytest.mark.parametrize(("part", "bleu", "cider", "rouge"), OFFICIAL)
def test_bleu_cider_and_rouge_are_those_of_the_coco_scorer(part, bleu, cider, rouge):
    answered = CAPTIONED[part]
    assert caption_bleu(answered) == pytest.approx(bleu, abs=1e-9)
    assert mean_cider_d(answered) == pytest.approx(cider, abs=1e-9)
    assert caption_rouge_l(answered) == pytest.approx(rouge, abs=1e-9)


def test_cider_of_each_caption_is_that_of_the_coco_scorer():
    official = [2.0864056229, 2.0046947169, 1.4831246189, 1.3067802330, 0.7899999738, 1.6226833281, 0.0, 0.0]
    assert cider_d(CAPTIONED) == pytest.approx(official, abs=1e-9)


def test_a_corpus_of_one_image_has_no_rare_words():
    assert cider_d(CAPTIONED[:1]) == [0.0]


@pytest.mark.parametrize(
    ("caption", "words"),  # as PTBTokenizer of Stanford CoreNLP 3.4.1 gives them
    [
        ("A man's dog isn't \u201chappy\u201d (really)", "a man 's dog is n't happy -lrb- really -rrb-"),
        ("a clock at 3:30 p.m.", "a clock at 3:30 p.m."),
        ("Mr. Smith vs. Dr. Jones, e.g. in St. Louis. The end.", "mr. smith vs. dr. jones e.g. in st. louis the end"),
        ("it cost $5.50, 50% off - well-known...", "it cost $ 5.50 50 % off well-known"),
        ("can't cannot gonna.", "ca n't can not gon na"),
        ("two people's bikes, a red/blue T-shirt & a car", "two people 's bikes a red/blue t-shirt & a car"),
        ("a \u2018stop\u2019 sign \u2013 it\u2019s #1!", "a stop sign it 's # 1"),
        ("we'd've shouldn't've y'all o'clock ma'am", "we 'd 've should n't 've y' all o'clock ma'am"),
        ("the dogs' tails, James' cat", "the dogs tails james cat"),
        ("10:30am in the U.S., U.S.A", "10:30 am in the u.s. u.s.a"),
        ("rock 'n' roll in the '90s; 90's", "rock 'n' roll in the '90s 90 's"),
        ("plate no. 5, yes no. maybe", "plate no. 5 yes no maybe"),
        ("vitamin C. The dog", "vitamin c the dog"),
        ("dog.A cat", "dog.a cat"),
        ("hello!! what?! wow...ok", "hello !! what ?! wow ok"),
        ("see www.google.com, or a@b.com", "see www.google.com or a@b.com"),
        ("24-7 1/2 3,000 2x4 5'6\"", "24-7 1/2 3,000 2x4 5 6"),
        ("<unk> dog [x] {y}", "<unk> dog -lsb- x -rsb- -lcb- y -rcb-"),
        ("\u4e2d\u6587 \u5b57 caf\u00e9", "\u4e2d\u6587 \u5b57 caf\u00e9"),
        ("", ""),
    ],
)  # fmt: skip
def test_words_of_a_caption_are_those_of_the_coco_scorer(caption, words):
    assert caption_words(caption) == words.split()


@given(texts)
def test_any_text_has_words_without_spaces(text):
    assert all(word and not word.isspace() for word in caption_words(text))


@given(st.lists(st.tuples(st.lists(texts, min_size=1, max_size=3), texts), min_size=1, max_size=4))
def test_any_captions_have_figures_in_their_range(rows):
    answered = [Referenced(tuple(references), answer) for references, answer in rows]
    assert all(0 <= value <= 1 for value in (*caption_bleu(answered), caption_rouge_l(answered)))
    assert all(0 <= value <= 10 + 1e-9 for value in cider_d(answered))


def test_chair_is_that_of_the_published_program():
    with_instances = [
        Described(frozenset(objects), one.references, one.answer)
        for objects, one in zip(INSTANCES, CAPTIONED, strict=True)
    ]
    found = chair(with_instances)
    assert (found.per_object, found.per_caption, found.named) == (pytest.approx(4 / 14), 0.5, 14)
    blind = chair([Described(frozenset({"cat"}), (), one.answer) for one in CAPTIONED])
    assert (blind.per_object, blind.per_caption) == (pytest.approx(13 / 14), 0.875)


def test_a_caption_that_names_nothing_hallucinates_nothing():
    assert chair([Described(frozenset(), (), "It is nice.")]) == Hallucination(0.0, 0.0, 0)


@pytest.mark.parametrize(
    ("text", "categories"),
    [
        ("Two hot dogs and a baby bear on the toilet seat, near a train track", ["hot dog", "bear", "toilet"]),
        ("A womans hand holds a stop sign", ["person", "stop sign"]),
        ("passenger trains and a motor bike", ["train"]),
        ("Wine glasses, sofas and buses", ["wine glass", "couch", "bus"]),
        ("policemen, geese, oxen, calves", ["person", "bird", "cow", "cow"]),
        ("knives, mice and ponies", ["knife", "mouse", "horse"]),
        ("a bus, ties and canoes", ["bus", "tie", "boat"]),
        ("the seat of a toilet; a seat", ["toilet"]),
    ],
)  # fmt: skip
def test_objects_are_named_by_their_synonyms_in_singular_and_plural(text, categories):
    assert named_objects(text) == categories


def test_the_table_has_the_80_categories():
    assert len(set(category_of_words().values())) == 80
