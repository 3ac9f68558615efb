"""A tiny LLM alone, and tiny Macaw models."""

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
