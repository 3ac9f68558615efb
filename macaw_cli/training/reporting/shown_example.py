"""`macaw inspect DATASET --example ID`: a conversation as a model sees it, in the terminal or as JSON."""

from typing import Any

from macaw_cli.basics import console
from macaw_cli.basics.counts import counted
from macaw_cli.basics.marked_text import result_marked
from macaw_cli.model.losses import IGNORED
from macaw_cli.training.data.seen_example import SeenConversation, Segment


def show_example(seen: SeenConversation, *, as_json: bool) -> None:
    """Print it: what it is, then each example with its supervised tokens marked.

    Args:
        seen: the conversation.
        as_json: print one JSON object instead, with the token ids and labels.
    """
    if as_json:
        console.result_json(_json(seen))
        return
    row = seen.row
    kind = f", kind {row.kind}" if row.kind else ""
    console.result(f"{row.id}: {row.split}{kind}, as {seen.model} sees it with the template {seen.template}")
    for number, ref in enumerate(row.media, start=1):
        track = ", a video's soundtrack" if ref.soundtrack_of is not None else ""
        console.result(f"  medium {number}: {ref.modality} {ref.source or ref.key}{track}")
    if not seen.examples:
        console.result(
            f"It is left out of the training: with training.max_length={seen.max_length}, its answer or a medium is cut"
            " off."
        )
    for number, ((ids, labels), segments) in enumerate(zip(seen.examples, seen.segments, strict=True), start=1):
        of = f"Example {number} of {len(seen.examples)}: " if len(seen.examples) > 1 else ""
        supervised = sum(label != IGNORED for label in labels)
        console.result(f"{of}{counted(len(ids), 'token')}, of which {supervised:,} are supervised (marked)")
        result_marked((_text(segment), segment.supervised) for segment in segments)


def _text(segment: Segment) -> str:
    if segment.modality is None or (segment.text and segment.text != "none"):
        return segment.text
    what = f"{segment.modality}: null features, " if segment.text else f"{segment.modality}: "
    return f"({what}{counted(segment.tokens, 'soft token')})"


def _json(seen: SeenConversation) -> dict[str, Any]:
    row = seen.row
    return {
        "id": row.id,
        "split": row.split,
        "kind": row.kind,
        "model": seen.model,
        "template": seen.template,
        "max_length": seen.max_length,
        "media": [{"modality": ref.modality, "source": ref.source, "shape": list(ref.shape)} for ref in row.media],
        "examples": [
            {
                "tokens": len(ids),
                "supervised": sum(label != IGNORED for label in labels),
                "text": [
                    {"text": _text(one), "tokens": one.tokens, "supervised": one.supervised}
                    | ({"modality": one.modality} if one.modality else {})
                    for one in segments
                ],
                "input_ids": ids,
                "labels": labels,
            }
            for (ids, labels), segments in zip(seen.examples, seen.segments, strict=True)
        ],
    }
