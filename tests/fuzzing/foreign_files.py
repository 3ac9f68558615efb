"""What users bring: annotations, manifests, tars, arrays, settings, chat templates."""

import io
import json
import struct
import tarfile
from contextlib import closing

import numpy as np
from chat_templates import ALTERNATING, CHATML, DEFAULT_SYSTEM
from fake_store import question, write_rows
from formats import Format, clear
from PIL import Image
from tiny_macaw import byte_tokenizer
from transformers import LlamaConfig

from macaw_cli.basics.npy_arrays import parse_npy
from macaw_cli.config.bridges.designs import design
from macaw_cli.config.loading import Workspace, open_workspace, parse_settings
from macaw_cli.dataset.scratch.records import RecordWriter
from macaw_cli.dataset.source_specs import parse_sources
from macaw_cli.dataset.sources import read_conversations
from macaw_cli.features.sources.listing import list_sources, survey_sources
from macaw_cli.features.sources.tar_members import members_of
from macaw_cli.media.decoding import decode
from macaw_cli.model.configuration import MacawConfig
from macaw_cli.model.text.encoding import ConversationEncoder


def annotations(folder):
    talk = question("a/1.png")["messages"]
    rows = [question("a/1.png", choices=["It is a/1.png.", "b"], tags=["x"], split="val"),
            {"id": 3, "image": "a.png", "messages": [{"role": "system", "content": "s"}, *talk]},
            {"messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "q"}]}, talk[1]],
             "image": ["a.png"]}]  # fmt: skip
    write_rows(folder / "c.jsonl", rows)
    turns = [{"from": "human", "value": "<image>\nq"}, {"from": "gpt", "value": "a"}]
    (folder / "llava.json").write_text(json.dumps([{"id": "1", "image": "a.jpg", "conversations": turns}] * 2))
    alpaca = [{"instruction": "i", "input": "x", "output": "o"}, {"id": "a.jpg", "instruction": "i", "response": "r"}]
    (folder / "alpaca.json").write_text(json.dumps({"data": alpaca}))


def read_annotations(folder):
    for source in ("jsonl:c.jsonl", "llava:llava.json", "alpaca:alpaca.json"):
        (parsed,) = parse_sources([source], Workspace(folder, parse_settings({}, "test")))
        with closing(RecordWriter(folder / "aside.records")) as aside:
            clear(lambda parsed=parsed, aside=aside: list(read_conversations(parsed, 0, aside)))


def a_manifest(folder):
    for name in ("a.mp4", "b.png"):
        (folder / name).write_bytes(b"x")
    write_rows(folder / "m.jsonl", [
        {"path": "a.mp4", "start": 1, "end": 2.5}, {"path": "s3://b/c.png"}, {"path": "b.png"}, {"path": "gone.png"},
    ])  # fmt: skip


def read_manifest(folder):
    workspace = Workspace(folder, parse_settings({}, "test"))
    clear(lambda: survey_sources(workspace, ["m.jsonl"]))
    list(list_sources(workspace, ["m.jsonl"]))


def a_tar(folder):
    for name, form in (("u.tar", tarfile.USTAR_FORMAT), ("g.tar", tarfile.GNU_FORMAT), ("p.tar", tarfile.PAX_FORMAT)):
        with tarfile.open(folder / name, "w", format=form) as tar:
            for file in ("a.png", "b" * 150 + "/c.jpg" if form != tarfile.USTAR_FORMAT else "c.jpg", "x.txt"):
                member = tarfile.TarInfo(file)
                member.size = 700
                tar.addfile(member, io.BytesIO(b"\x89PNG\r\n\x1a\n" + bytes(692)))


def read_tar(folder):
    for file in folder.glob("*.tar"):
        with file.open("rb") as tar:
            for number, _ in enumerate(members_of(tar, file.stat().st_size)):
                assert number < 1000, "it goes round in circles"


def an_array(folder):
    np.save(folder / "a.npy", np.zeros((2, 3), np.float16))


def read_array(folder):
    parse_npy((folder / "a.npy").read_bytes(), "a.npy")


def numbers(folder):
    (folder / "a.csv").write_text("time,x,y\n1 May,1.5,-2\n2 May,,3e2\n3 May,4,5\n")
    np.save(folder / "b.npy", np.arange(6.0).reshape(3, 2))
    rows = [[0, 1, 2, 250, 0, 9], [1, 1, 0.5, 3, 4, 5]]
    lines = [" ".join(map(str, row)) for row in rows]
    (folder / "c.xyz").write_text("\n".join(["# x y z", *lines, ""]))
    named = [*(f"property float {axis}" for axis in "xyz"), *(f"property uchar {name}" for name in "rgb")]
    header = ["element vertex 2", *named, "end_header", ""]
    (folder / "d.ply").write_text("\n".join(["ply", "format ascii 1.0", *header, *lines, ""]))
    packed = b"".join(struct.pack("<3f3B", *row) for row in rows)
    (folder / "e.ply").write_bytes("\n".join(["ply", "format binary_little_endian 1.0", *header]).encode() + packed)
    depths = np.array([[0, 1000], [2000, 3000]], np.uint16)
    np.save(folder / "f.npy", depths)
    Image.fromarray(depths).save(folder / "g.png")


def read_numbers(folder):
    kinds = {"a.csv": "series", "b.npy": "series", "c.xyz": "points", "d.ply": "points", "e.ply": "points",
             "f.npy": "depth", "g.png": "depth"}  # fmt: skip
    for name, modality in kinds.items():
        shape = [16, 2] if modality == "series" else None
        request = {"path": str(folder / name), "modality": modality, "shape": shape}
        clear(lambda request=request: decode(request))


def a_configuration(folder):
    (folder / "macaw.yaml").write_text(
        "version: 1\nseed: 3\nllm: models/llm\nbridge: {image: mlp, audio: {name: macaw}}\n"
        "dataset: {sources: ['jsonl:c.jsonl'], val_fraction: 0.1}\ntraining: {stages: [{name: a, train: bridge}]}\n"
    )


def read_configuration(folder):
    open_workspace(folder)


def chat_templates(folder):
    for name, template in (("a", CHATML), ("b", DEFAULT_SYSTEM), ("c", ALTERNATING)):
        (folder / f"{name}.jinja").write_text(template)


def chat_in_templates(folder):
    talk = [{"role": role, "content": text} for role, text in
            (("system", "s"), ("user", "q"), ("assistant", "a"), ("user", "r"), ("assistant", "b"))]  # fmt: skip
    llm = LlamaConfig(vocab_size=300, hidden_size=8, num_attention_heads=2)
    config = MacawConfig.for_llm(llm, design("mlp"), {"image": [4, 8]})
    for file in folder.glob("*.jinja"):
        tokenizer = byte_tokenizer()
        tokenizer.chat_template = file.read_text(errors="replace")
        clear(lambda tokenizer=tokenizer: ConversationEncoder(tokenizer, config, "chat").encode(talk, []))


FORMATS = {
    "annotations": Format(annotations, ["c.jsonl", "llava.json", "alpaca.json"], read_annotations),
    "manifest of sources": Format(a_manifest, ["m.jsonl"], read_manifest),
    "tar of media": Format(a_tar, ["u.tar", "g.tar", "p.tar"], read_tar),
    "array": Format(an_array, ["a.npy"], read_array),
    "numbers": Format(numbers, ["a.csv", "b.npy", "c.xyz", "d.ply", "e.ply", "f.npy", "g.png"], read_numbers),
    "configuration": Format(a_configuration, ["macaw.yaml"], read_configuration),
    "chat template": Format(chat_templates, ["a.jinja", "b.jinja", "c.jinja"], chat_in_templates, 0.5),
}  # fmt: skip
