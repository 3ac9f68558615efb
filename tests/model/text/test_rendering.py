"""Chat templates are programs of others."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from jinja2 import TemplateError
from transformers import AutoTokenizer

from macaw_cli.basics.errors import UsageError
from macaw_cli.model.text import rendering
from macaw_cli.model.text.rendering import render_chat
from macaw_cli.quickstart.checkpoints import SHIPPED

MESSAGES = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(SHIPPED / "llama")


def test_a_template_is_rendered(tokenizer):
    assert "Hello" in render_chat(tokenizer, MESSAGES, add_generation_prompt=True)


@pytest.mark.parametrize(
    "template",
    ["{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
     "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}",
     "{% macro f(n) %}{% for a in range(99999) %}{{ f(n) if n < 90 }}{% endfor %}{% endmacro %}{{ f(0) }}"],
)  # fmt: skip
def test_a_template_that_does_not_end_is_stopped_with_a_clear_error(tokenizer, template, monkeypatch):
    monkeypatch.setattr(rendering, "LIMIT_S", 0.3)
    monkeypatch.setattr(tokenizer, "chat_template", template)
    started = time.monotonic()
    with pytest.raises(UsageError, match="chat template"):
        render_chat(tokenizer, MESSAGES)
    assert time.monotonic() - started < 20


def test_outside_the_main_thread_it_is_stopped_too(tokenizer, monkeypatch):
    monkeypatch.setattr(rendering, "LIMIT_S", 0.3)
    monkeypatch.setattr(
        tokenizer, "chat_template", "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    )
    with ThreadPoolExecutor(1) as threads, pytest.raises(UsageError, match="took longer"):
        threads.submit(render_chat, tokenizer, MESSAGES).result()


def test_a_template_that_doubles_a_text_is_stopped(tokenizer, monkeypatch):
    monkeypatch.setattr(rendering, "MEMORY", 64 << 20)
    monkeypatch.setattr(
        tokenizer,
        "chat_template",
        "{% set ns = namespace(text='ab') %}{% for a in range(31) %}{% set ns.text = ns.text + ns.text %}"
        "{% for b in range(20000) %}{% endfor %}{% endfor %}",
    )
    with pytest.raises(UsageError, match="MemoryError"):
        render_chat(tokenizer, MESSAGES)


DOUBLING = (
    "{% set ns = namespace(text='ab') %}{% for a in range(40) %}{% set ns.text = ns.text ~ ns.text %}{% endfor %}",
    "{% set ns = namespace(text='ab') %}{% for a in range(40) %}{% set ns.text = [ns.text, ns.text] | join %}"
    "{% endfor %}",
    "{{ ('a' * 10000) * 1000000 }}",
    "{{ ('a' * 100000).replace('a', 'b' * 100000) }}",
    "{% set ns = namespace(text='ab') %}{% for a in range(40) %}{% set ns.text = ns.text * 2 %}{% endfor %}",
)
RENDER_EACH = """
import json, resource, sys
from concurrent.futures import ThreadPoolExecutor
from transformers import AutoTokenizer
from macaw_cli.basics.errors import UsageError
from macaw_cli.model.text import rendering

rendering.MEMORY = 64 << 20
tokenizer, messages = AutoTokenizer.from_pretrained(sys.argv[1]), [{"role": "user", "content": "Hello"}]
before, told = resource.getrlimit(resource.RLIMIT_AS), []
with ThreadPoolExecutor(1) as threads:
    for template in sys.argv[2:]:
        for in_thread in (False, True):
            tokenizer.chat_template = template
            largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            try:
                if in_thread:
                    threads.submit(rendering.render_chat, tokenizer, messages).result()
                rendering.render_chat(tokenizer, messages)
            except UsageError as error:
                grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - largest) >> 10
                told.append([template, str(error), grown, resource.getrlimit(resource.RLIMIT_AS) == before])
print(json.dumps(told))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of the address space")
def test_a_text_that_doubles_faster_than_anyone_looks_takes_no_memory():
    """In a process of its own: one that has freed much memory keeps some, and may use that again."""
    command = [sys.executable, "-c", RENDER_EACH, SHIPPED / "llama", *DOUBLING]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)
    assert [template for template, *_ in told] == [template for template in DOUBLING for _ in range(2)]
    for template, message, mebibytes, is_as_before in told:
        assert "MemoryError" in message and mebibytes < 200 and is_as_before, template


def test_numbers_of_an_honest_template_are_fine(tokenizer, monkeypatch):
    monkeypatch.setattr(tokenizer, "chat_template", "{% set n = 100_000 %}{{ n + 0x10 }} {{ '99999999999' }}")
    assert render_chat(tokenizer, MESSAGES) == "100016 99999999999"


@pytest.mark.parametrize(
    "template",
    ["{{ 'a' * 9999999999 }}", "{{ 'a' * 0xFFFFFF }}", "{{ " + "9" * 5000 + " }}", "{{ lipsum(n=9_999_999) }}",
     "{{ 10 ** 10 ** 10 }}", "{% set a = 9**9 %}", "{{ f(2 **\n 99) }}", "{{ 'a' | center(9999999999999999) }}",
     "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"],
)  # fmt: skip
def test_a_template_that_nothing_could_stop_is_refused(tokenizer, template, monkeypatch):
    monkeypatch.setattr(tokenizer, "chat_template", template)
    with pytest.raises(UsageError, match="chat template"):
        render_chat(tokenizer, MESSAGES)


@pytest.mark.parametrize(
    "template",
    ["{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ messages.append(1) }}", "{{ cycler.__init__.__globals__ }}",
     "{% include '/etc/passwd' %}", "{% import 'os' as os %}"],
)  # fmt: skip
def test_a_template_cannot_leave_its_sandbox(tokenizer, template, monkeypatch):
    monkeypatch.setattr(tokenizer, "chat_template", template)
    with pytest.raises((TemplateError, TypeError)):
        render_chat(tokenizer, MESSAGES)
