"""`macaw serve`, run as a user runs it."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import openai
import pytest
import tiny_macaw

SERVE = [sys.executable, "-m", "macaw_cli", "serve", "--port", "0"]
KEY = "key-of-the-test"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return tiny_macaw.make_workspace(tmp_path_factory.mktemp("workspace"))


def environment(key=None):
    kept = {name: value for name, value in os.environ.items() if name != "MACAW_API_KEY"}
    return kept | ({"MACAW_API_KEY": key} if key else {})


def test_a_server_answers_a_client_and_finishes_the_answer_when_sigterm_comes(workspace):
    process = subprocess.Popen(SERVE, stderr=subprocess.PIPE, text=True, cwd=workspace, env=environment(KEY))
    try:
        url = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())[0]
        with urllib.request.urlopen(f"{url}/health") as answer:
            assert json.load(answer) == {"status": "ok"}
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{url}/v1/models")
        with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
            assert [model.id for model in client.models.list()] == ["tiny"]
            stream = client.chat.completions.create(
                model="tiny", messages=[{"role": "user", "content": "What?"}], max_tokens=100, stream=True
            )
            first = next(stream)
            process.send_signal(signal.SIGTERM)
            rest = list(stream)
        assert first.choices[0].finish_reason is None
        assert rest[-1].choices[0].finish_reason in ("stop", "length")
        assert process.wait(60) == 143
        said = process.stderr.read()
        assert "Traceback" not in said
        assert KEY not in said
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
