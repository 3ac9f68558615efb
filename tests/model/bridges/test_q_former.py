import pytest
import torch
from same_computation import require_close, require_same
from torch import nn
from transformers import Blip2QFormerConfig, GraniteSpeechConfig, InstructBlipQFormerConfig
from transformers.models.blip_2.modeling_blip_2 import Blip2QFormerModel
from transformers.models.granite_speech.modeling_granite_speech import GraniteSpeechEncoderProjector
from transformers.models.instructblip.modeling_instructblip import InstructBlipQFormerModel

from macaw_cli.basics.errors import MismatchError, UsageError
from macaw_cli.config.bridges.q_former import QFormerBridgeSettings
from macaw_cli.model.bridges.bridge import BridgeContext
from macaw_cli.model.bridges.q_former import QFormerBridge
from macaw_cli.model.bridges.registry import build_bridge, read_instructions, soft_token_count

SIZES = {
    "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24,
    "encoder_hidden_size": 10, "cross_attention_frequency": 2, "attn_implementation": "eager",
}  # fmt: skip
ROW = torch.zeros(1, 12)
# from the bridge's names to those of transformers' Q-Formers, in this order
RENAMED = [
    (r"q_former.layers.", "encoder.layer."), ("self_attention.out", "attention.output.dense"),
    ("cross_attention.out", "crossattention.output.dense"), ("self_attention.", "attention.attention."),
    ("cross_attention.", "crossattention.attention."), ("self_norm", "attention.output.LayerNorm"),
    ("cross_norm", "crossattention.output.LayerNorm"), ("query_part.rise", "intermediate_query.dense"),
    ("query_part.fall", "output_query.dense"), ("query_norm", "output_query.LayerNorm"),
    ("text_part.rise", "intermediate.dense"), ("text_part.fall", "output.dense"),
    ("text_norm", "output.LayerNorm"), ("q_former.norm.", "embeddings.layernorm."),
    ("text.words.", "embeddings.word_embeddings."), ("text.positions.", "embeddings.position_embeddings."),
]  # fmt: skip


def as_transformers(tensors, prefix="q_former."):
    """The tensors under the names that they have in `InstructBlipQFormerModel`, behind `prefix`."""
    renamed = {}
    for name, value in tensors.items():
        inside = name.startswith(("q_former.", "text."))
        for own, other in RENAMED if inside else ():
            name = name.replace(own, other)
        renamed[prefix + name if inside else name] = value
    return renamed


def as_blip2(tensors, prefix="q_former."):
    renamed = as_transformers(tensors, prefix)
    return {name.replace(".embeddings.layernorm.", ".layernorm."): value for name, value in renamed.items()}


def q_former(**options):
    sizes = dict(tokens=4, hidden=16, heads=2, layers=3, inner=24, norm=False)
    rows = options.pop("rows", 30)
    return QFormerBridge(
        10, 12, QFormerBridgeSettings(**{**sizes, **options}), vocabulary=options.get("vocabulary", rows), largest_id=29
    )


class Original(nn.Module):
    """The parts around a Q-Former of transformers."""

    def __init__(self, q_former):
        super().__init__()
        self.feature_norm = nn.LayerNorm(10)
        self.queries = nn.Parameter(torch.zeros(4, 16))
        self.q_former = q_former
        self.projection = nn.Linear(16, 12)

    def forward(self, frames, instructions=None):
        """Sequences (N, C) one by one, so that nothing depends on masks."""
        read = []
        for number, frame in enumerate(frames):
            text = {} if instructions is None else {"input_ids": instructions[number][None]}
            found = self.q_former(
                query_embeds=self.queries[None], encoder_hidden_states=self.feature_norm(frame)[None], **text
            )
            read.append(found.last_hidden_state[0, :4])
        return self.projection(torch.cat(read))


def blip2():
    return Original(Blip2QFormerModel(Blip2QFormerConfig(**SIZES))).eval()


def instructblip():
    original = Original(InstructBlipQFormerModel(InstructBlipQFormerConfig(**SIZES, vocab_size=30, pad_token_id=0)))
    original.q_former.embeddings.word_embeddings.padding_idx = None  # its row would get no gradient
    last = original.q_former.encoder.layer[-1]
    del last.intermediate, last.output  # a text part whose result is not read: the bridge has none
    last.feed_forward_chunk = lambda text: text
    return original.eval()


@pytest.mark.parametrize(
    "shapes", [[(7, 10), (7, 10)], [(7, 10), (3, 10)], [(2, 5, 10), (1, 3, 10)]], ids=["equal", "lengths", "frames"]
)
def test_queries_alone_are_those_of_blip_2(shapes):
    media, original = [torch.randn(shape) for shape in shapes], blip2()

    def run(*media):
        return original([frame for medium in media for frame in medium.view(-1, *medium.shape[-2:])])

    require_same(q_former(), original, media, as_blip2, call_theirs=run)


def test_queries_beside_the_instruction_are_those_of_instructblip():
    media = [torch.randn(7, 10), torch.randn(2, 3, 10), torch.randn(3, 10)]
    asked = [torch.tensor([3, 4, 5, 3]), torch.tensor([9, 2]), torch.tensor([7])]
    frames = [asked[0], asked[1], asked[1], asked[2]]

    bridge, original, context = q_former(instruction=True), instructblip(), BridgeContext(ROW, instructions=asked)
    calls = {
        "call_ours": lambda *media: bridge(media, context),
        "call_theirs": lambda one, two, three: original([one, *two, three], frames),
    }
    require_same(bridge, original, media, as_transformers, **calls)


def granite():
    projector = {**SIZES, "model_type": "blip_2_qformer", "cross_attention_frequency": 1, "num_hidden_layers": 2}
    config = GraniteSpeechConfig(
        text_config={"model_type": "granite", "hidden_size": 12, "num_attention_heads": 2, "num_hidden_layers": 1},
        projector_config=projector, downsample_rate=2, window_size=4,
    )  # fmt: skip
    return GraniteSpeechEncoderProjector(config).eval()


def as_granite(tensors):
    renamed = as_blip2(tensors, "qformer.")
    parts = {"queries": "query", "projection.weight": "linear.weight", "projection.bias": "linear.bias"}
    named = {parts.get(name, name): value for name, value in renamed.items()}
    return {**named, "query": named["query"][None]}


WINDOWS = dict(tokens=2, layers=2, cross_attention_every=1, feature_norm=False, window=4)


def test_windows_are_those_of_granite_speech():
    media, original = [torch.randn(length, 10) for length in (9, 4, 3)], granite()
    run = lambda *media: torch.cat([original(medium[None])[0] for medium in media])  # noqa: E731
    require_same(q_former(**WINDOWS), original, media, as_granite, call_theirs=run)


def test_the_tail_behind_the_last_window_is_filled_up_or_left_out():
    context = BridgeContext(ROW)
    padding, dropping = q_former(**WINDOWS).eval(), q_former(**WINDOWS, tail="drop").eval()
    dropping.load_state_dict(padding.state_dict())
    medium = torch.randn(11, 10)
    assert padding([medium], context).shape == (6, 12)
    require_close("whole windows", dropping([medium], context), padding([medium[:8]], context))
    require_close("less than one", dropping([medium[:3]], context), padding([medium[:3]], context))


@pytest.mark.parametrize(
    ("options", "image", "audio", "video"),
    [
        ({}, 4, 4, 12), ({"per_frame": False}, 4, 4, 4), ({"window": 4}, 12, 32, 36),
        ({"window": 4, "tail": "drop"}, 8, 28, 24), ({"window": 40, "tail": "drop"}, 4, 4, 12),
        ({"window": 4, "per_frame": False}, 12, 32, 32),
    ],
)  # fmt: skip
def test_the_number_of_soft_tokens_follows_from_windows_and_frames(tiny, options, image, audio, video):
    model = tiny.model("q-former", tokens=4, layers=1, **options)
    expected = {"image": image, "audio": audio, "video": video}
    assert {name: soft_token_count(model.config, name, tiny.shapes[name]) for name in expected} == expected
    context = BridgeContext(model.embedding_matrix)
    made = {name: len(model.fusion.bridges[name](tiny.features(name), context)) for name in expected}
    assert made == expected


def test_what_is_asked_changes_the_soft_tokens_of_that_medium_alone():
    bridge = q_former(instruction=True).eval()
    media = [torch.randn(5, 10), torch.randn(5, 10)]
    one, other = torch.tensor([1, 2, 3]), torch.tensor([4, 5])
    first = bridge(media, BridgeContext(ROW, instructions=[one, one]))
    second = bridge(media, BridgeContext(ROW, instructions=[one, other]))
    require_close("same question", first[:4], second[:4])
    assert (first[4:] - second[4:]).abs().max() > 1e-3
    nothing = bridge(media, BridgeContext(ROW, instructions=[one[:0], one[:0]]))
    require_close("no question", bridge(media, BridgeContext(ROW)), nothing)
    null_features = bridge(media, BridgeContext(ROW, instructions=[one]))  # the last medium belongs to no example
    require_close("asked", null_features[:4], first[:4])
    require_close("not asked", null_features[4:], nothing[4:])


def test_only_the_last_tokens_of_a_long_instruction_are_read():
    bridge = q_former(instruction=True, instruction_length=3).eval()
    media, ids = [torch.randn(5, 10)], torch.arange(9)
    found = bridge(media, BridgeContext(ROW, instructions=[ids]))
    require_close("the last three", found, bridge(media, BridgeContext(ROW, instructions=[ids[-3:]])))


def test_ids_beyond_an_imported_vocabulary_are_told():
    bridge = q_former(instruction=True, vocabulary=20)
    media = [torch.randn(5, 10)]
    assert bridge(media, BridgeContext(ROW, instructions=[torch.tensor([19])])).shape == (4, 12)
    with pytest.raises(MismatchError, match="20 words"):
        bridge(media, BridgeContext(ROW, instructions=[torch.tensor([3, 20])]))


def test_only_an_instructed_q_former_asks_for_the_instruction(tiny):
    for wanted in (False, True):
        config = tiny.config("q-former", layers=1, instruction=wanted)
        assert read_instructions(config) is wanted
        assert build_bridge(config, "image").needs == ({"instruction"} if wanted else set())


def test_a_model_gives_the_question_to_the_bridge_and_trains_all_of_it(tiny):
    model = tiny.model("q-former", layers=2, tokens=2, instruction=True).train()
    losses = []
    for question in (7, 8):
        ids = torch.tensor([tiny.sequence(model.config, 1, "image", question, 6)])
        labels = ids.clone()
        labels[:, :-1] = -100
        model.zero_grad()
        output = model(input_ids=ids, labels=labels, image_features=tiny.features("image"))
        output.loss.backward()
        losses.append(output.loss.item())
        bridge = model.fusion.bridges["image"]
        idle = [name for name, one in bridge.named_parameters() if one.grad is None or not one.grad.any()]
        assert not [name for name in idle if "key.bias" not in name], idle  # adds the same to all scores: no effect
        assert bridge.text.words.weight.grad[question].any()


def test_heads_that_do_not_divide_the_width_are_told(tiny):
    with pytest.raises(UsageError, match=r"bridge\.heads"):
        build_bridge(tiny.config("q-former", heads=5), "image")


@pytest.mark.parametrize(("llm", "width", "heads"), [(32, 32, 1), (192, 192, 3), (1024, 768, 12)])
def test_the_width_is_the_published_one_or_that_of_a_smaller_llm(tiny, llm, width, heads):
    bridge = build_bridge(tiny.config("q-former", layers=1, llm=tiny.llm_config(hidden_size=llm)), "image")
    assert bridge.queries.shape == (32, width)
    assert bridge.q_former.layers[0].self_attention.heads == heads
    assert bridge.q_former.layers[0].query_part.rise.weight.shape == (4 * width, width)


def test_it_runs_in_16_bits(tiny):
    bridge = tiny.model("q-former", layers=2, instruction=True).fusion.bridges["image"].bfloat16()
    media = [medium.bfloat16() for medium in tiny.features("image", 2)]
    context = BridgeContext(torch.zeros(1, 32), instructions=[torch.tensor([1, 2]), torch.tensor([3])])
    assert bridge(media, context).dtype == torch.bfloat16
