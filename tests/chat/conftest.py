"""A tiny LLM alone, and a whole tiny workspace with a finished model."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # the test folders are no packages; tiny_macaw.py stands above

import tiny_macaw


@pytest.fixture(scope="session")
def byte_tokenizer():
    return tiny_macaw.byte_tokenizer()


@pytest.fixture(scope="session")
def tiny_llm(byte_tokenizer):
    return tiny_macaw.tiny_llm(byte_tokenizer)


@pytest.fixture(scope="session")
def workspace_folder(tmp_path_factory):
    return tiny_macaw.make_workspace(tmp_path_factory.mktemp("workspace"))
