"""llama.cpp in a process of its own, which may end with it: `run` in a test, the main part in the process."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from macaw_cli.export.gguf.llama_cpp_library import installed

needs_llama_cpp = pytest.mark.skipif(
    not installed(), reason="llama.cpp is not installed (`pip install xllamacpp`; there is no wheel for every machine)"
)


def run(model, *calls, projector=None, longest=512):
    """Results of methods of `LlamaCpp`, each call a name with its arguments and a dict of further ones."""
    with tempfile.TemporaryDirectory() as place:
        asked = [[name, list(arguments), options] for name, arguments, options in calls]
        arrays = {}
        for number, (_, arguments, _) in enumerate(asked):
            for at, value in enumerate(arguments):
                if isinstance(value, np.ndarray):
                    arrays[f"{number}-{at}"], arguments[at] = value, {"array": f"{number}-{at}"}
                elif isinstance(value, list) and value and isinstance(value[0], np.ndarray):
                    names = [f"{number}-{at}-{one}" for one in range(len(value))]
                    arrays |= dict(zip(names, value, strict=True))
                    arguments[at] = [{"array": name} for name in names]
        np.savez(Path(place, "in.npz"), **arrays)
        request = {"model": str(model), "projector": projector and str(projector), "longest": longest, "calls": asked}
        Path(place, "in.json").write_text(json.dumps(request))
        done = subprocess.run([sys.executable, __file__, place], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        answers = json.loads(Path(place, "out.json").read_text())
        with np.load(Path(place, "out.npz")) as content:
            return [content[answer["array"]] if isinstance(answer, dict) else answer for answer in answers]


def _answer(place):
    from macaw_cli.export.gguf.llama_cpp import LlamaCpp

    request = json.loads(Path(place, "in.json").read_text())
    projector = request["projector"] and Path(request["projector"])
    with np.load(Path(place, "in.npz")) as arrays:
        loaded = LlamaCpp(Path(request["model"]), projector, request["longest"])

        def given(value):
            if isinstance(value, list):
                return [given(one) for one in value]
            return arrays[value["array"]] if isinstance(value, dict) else value

        answers, made = [], {}
        for number, (name, arguments, options) in enumerate(request["calls"]):
            found = getattr(loaded, name)(*map(given, arguments), **options)
            if isinstance(found, np.ndarray):
                made[str(number)], found = found, {"array": str(number)}
            answers.append(found)
    np.savez(Path(place, "out.npz"), **made)
    Path(place, "out.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    _answer(sys.argv[1])
