"""ZeRO-3 with every parameter partitioned: DeepSpeed leaves tiny ones whole, so without its threshold of 0 a tiny
model would never show that a bridge reads the LLM's embedding matrix outside the LLM."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = """
import json, logging, os, sys, tempfile, warnings
warnings.filterwarnings("ignore")
import torch, deepspeed, deepspeed.ops
from macaw_cli.config.injections.table import DESIGNS
from tests_conftest import make_model, sequence, shapes_of, llm_config
deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
logging.getLogger("DeepSpeed").setLevel(logging.ERROR)
deepspeed.init_distributed("gloo", auto_mpi_discovery=False, verbose=False, rank=0, world_size=1,
                           init_method="file://" + os.path.join(tempfile.mkdtemp(), "meet"))
stage, tied, bridge = int(sys.argv[1]), sys.argv[2] == "tied", sys.argv[3]
injection = DESIGNS[sys.argv[4] or "none"](**json.loads(sys.argv[5]))
options = {"instruction": True, "layers": 2} if bridge == "q-former" else {}
model = make_model(bridge, **options, llm=llm_config(tie_word_embeddings=tied), injection=injection,
                   shapes=shapes_of(bridge)).train()
zero = {"stage": stage, "stage3_param_persistence_threshold": 0, "stage3_max_live_parameters": 0,
        "stage3_prefetch_bucket_size": 0, "stage3_max_reuse_distance": 0}
engine = deepspeed.initialize(
    model=model, optimizer=torch.optim.AdamW(model.parameters(), lr=1e-2, eps=1e-5),
    config={"train_micro_batch_size_per_gpu": 1, "zero_optimization": zero, "zero_allow_untested_optimizer": True})[0]
gathers = []
if stage == 3:
    from deepspeed.runtime.zero.partitioned_param_coordinator import PartitionedParameterCoordinator as Coordinator
    fetch = Coordinator._PartitionedParameterCoordinator__all_gather_params
    def counted(self, params, forward):
        gathers[-1].extend(sorted(one.ds_id for one in params if one.ds_status.name == "NOT_AVAILABLE"))
        fetch(self, params, forward)
    Coordinator._PartitionedParameterCoordinator__all_gather_params = counted
losses = []
for step in range(4):
    gathers.append([])
    media = [("image", "video"), ("audio",), ()][step % 3]
    ids = torch.tensor([sequence(model.config, 1, *media, 5, 6, 7)])
    labels = ids.clone(); labels[:, :-3] = -100
    features = {f"{name}_features": torch.ones(1, *shapes_of(bridge)[name]) for name in media}
    loss = engine(input_ids=ids, labels=labels, return_logits=False, **features).loss
    engine.backward(loss); engine.step()
    losses.append(loss.item())
if stage == 3:
    assert model.embedding_matrix.numel() == 0, "the matrix is not partitioned, so this test shows nothing"
    model.calibrate()
    own = model.fusion.bridges["image"]
    begin_end = model.fusion.begin_end_embeddings.weight
    head = model.get_output_embeddings().weight
    whole = {id(one): one for one in (model.embedding_matrix, head, begin_end, *own.parameters())}
    with deepspeed.zero.GatheredParameters([*whole.values()]):
        rms = model.embedding_matrix.square().mean().sqrt().item()
        assert 0.5 * rms < begin_end.std().item() < 2 * rms
        if bridge == "align":
            assert torch.equal(own.to_vocabulary.weight, head), "started from what is left: nothing"
        elif bridge != "linear":
            calibrated = own.embedding_rms if bridge == "macaw" else own.output_norm.weight
            assert torch.allclose(calibrated, torch.tensor(rms), rtol=1e-4), "calibrated by what is left: nothing"
    assert bridge != "frame-stack" or own.output_norm.weight.numel() == 0, "the norm is not partitioned"
    # what is gathered, and in which order, depends on no data: ranks with other media would wait for each other
    assert gathers[1] == gathers[2] == gathers[3], gathers
    matrix = gathers[3].count(model.embedding_matrix.ds_id)
    # text, all bridges, loss; forward and backward
    assert matrix <= 2 * (1 + (bridge in ("macaw", "align")) + tied), matrix
print(json.dumps(losses), flush=True)
os._exit(0)
"""

INJECTIONS = {
    "": {},
    "deepstack": {"layers": 2},
    "gated-cross-attention": {"every": 1, "heads": 2, "head_dim": 8},
    "lavin": {"dropout": 0.0},
    "llama-adapter": {"tokens": 3},
    "llama-adapter-v2": {"tokens": 3, "width": 16, "blocks": 2, "heads": 2},
    "mllama-cross-attention": {"first": 0, "every": 1},
    "plora": {"rank": 4, "dropout": 0.0},
}
"""Name to options for the tiny LLM."""


def losses(folder, stage, tied, bridge, injection):
    (folder / "train.py").write_text(TRAIN)
    (folder / "tests_conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text())
    environment = {
        **os.environ, "DS_ACCELERATOR": "cpu", "LOCAL_RANK": "0", "RANK": "0", "WORLD_SIZE": "1",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path]),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "train.py", str(stage), tied, bridge, injection, json.dumps(INJECTIONS[injection])],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "design",
    [pytest.param(("tied", "macaw", ""), marks=pytest.mark.slow), ("untied", "frame-stack", ""),
     pytest.param(("untied", "c-abstractor", ""), marks=pytest.mark.slow),
     ("untied", "linear", "gated-cross-attention"), ("tied", "align", ""), ("untied", "upm", ""),
     ("untied", "linear", "lavin"), ("untied", "linear", "plora"), ("untied", "q-former", ""),
     ("untied", "linear", "llama-adapter-v2"), ("untied", "linear", "deepstack"),
     *(pytest.param(("untied", "linear", name), marks=pytest.mark.slow)
       for name in ("llama-adapter", "mllama-cross-attention"))],
    ids="-".join,
)  # fmt: skip
def test_losses_are_the_same_with_every_parameter_partitioned(tmp_path, design):
    pytest.importorskip("deepspeed")
    assert losses(tmp_path, 3, *design) == pytest.approx(losses(tmp_path, 0, *design), abs=1e-5)
