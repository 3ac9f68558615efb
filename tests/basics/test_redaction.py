"""Whatever door a URL goes through, its secrets stay behind."""

import json
import logging
import subprocess
import sys

import pytest
import yaml

from macaw_cli.basics import console
from macaw_cli.basics.errors import InputError
from macaw_cli.basics.redaction import redacted, redacted_tree
from macaw_cli.config.loading import parse_settings, settings_yaml
from macaw_cli.dataset.conversations import Origin
from macaw_cli.dataset.rejects import Reject
from macaw_cli.features.source import reject

SECRET = "hunter2SECRET"
URL = f"https://me:{SECRET}@host/a.jpg?id=1&token={SECRET}#{SECRET}"
SHOWN = "https://host/a.jpg?id=~6b86b273"


@pytest.mark.parametrize(("around", "left"), [
    ("{}", "{}"), ("See {}.", "See {}."), ("({}), then", "({}), then"), ("url='{}'", "url='{}'"), ('"{}"', '"{}"'),
    ("<{}>", "<{}>"), ("a\n{}\nb", "a\n{}\nb"), ("{0} and {0}", "{0} and {0}"), ("--out={}", "--out={}"),
    ("URL('{}')", "URL('{}')"),
])  # fmt: skip
def test_urls_are_found_wherever_they_stand_in_a_text(around, left):
    assert redacted(around.format(URL)) == left.format(SHOWN)


def test_a_url_with_spaces_keeps_no_token():
    told = redacted(f"s3://bucket/a b.jpg?token={SECRET}&X-Amz-Signature={SECRET}&size=2 is gone")
    assert SECRET not in told and "size=2 is gone" in told


@pytest.mark.parametrize("text", ["", "no url: a//b", "file:///a/b?c", "xmlns='http://www.w3.org/2000/svg'", "12://3"])
def test_other_text_stays_as_it_is(text):
    assert redacted(text) == text


def test_a_tree_keeps_its_form_and_loses_its_secrets():
    tree = {"sources": [URL, 3, None], URL: {"a": (URL + "'x", True)}}
    assert redacted_tree({"a": [1, None]}) == {"a": [1, None]}
    assert SECRET not in json.dumps(redacted_tree(tree)) and redacted_tree(tree)["sources"] == [SHOWN, 3, None]


def test_nothing_secret_is_shown_at_the_terminal(capsys):
    console.say(URL)
    console.result(URL)
    console.result_json({"store": URL})
    console.print_table(URL, [URL], [[URL]])
    console.tell_error(InputError(URL, URL))
    console.tell_usage(URL)
    try:
        raise ValueError(URL)
    except ValueError as error:
        console.tell_bug(error)
    with console.progress(URL, 1) as advance:
        advance(1, URL)
    shown = "".join(capsys.readouterr())
    assert SECRET not in shown and shown.count(SHOWN) >= 8


def test_nothing_secret_of_a_run_or_a_reject_is_written_down():
    tree = {"features": {"sources": [URL, URL + "'quoted"], "out": f"s3://me:{SECRET}@bucket/store"}}
    written = settings_yaml(parse_settings(tree, "test"), redact=True)
    assert SECRET not in written and yaml.safe_load(written)["features"]["sources"][0] == SHOWN
    rows = [reject("a.jpg", "image", f"It cannot be fetched: {URL}.")]
    rows.append(Reject(Origin(0, "a.jsonl", 3), "media", f"{URL} is gone").to_json())
    assert SECRET not in json.dumps(rows)


def test_what_libraries_log_is_redacted():
    code = (
        "import logging\nfrom macaw_cli.basics.redaction import guard_logs\nguard_logs()\n"
        f"logging.getLogger('aiohttp').error('refused: %s', {URL!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert SHOWN in done.stderr and SECRET not in done.stderr
    assert logging.getLogRecordFactory() is logging.LogRecord


def test_what_libraries_log_or_warn_of_moves_no_cursor_and_tells_no_secret():
    code = (
        "import logging, warnings\nfrom macaw_cli.basics.redaction import guard_logs\nguard_logs()\n"
        f"text = 'a\\x1b]0;title\\x07b\\x9b2J c\\u202e ' + {URL!r}\n"
        "logging.getLogger('PIL').error('bad: %s', text)\nwarnings.warn('bad: ' + text)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.count(SHOWN) == 2 and SECRET not in done.stderr
    assert done.stderr.replace("\n", "").isprintable() and "UserWarning" in done.stderr


@pytest.mark.parametrize("words", [
    ["inspect", URL], ["inspect", URL, "--json"], ["extract-features", URL, "--set", "features.workers=1"],
    ["build-dataset", "--features", URL, "--source", "jsonl:a.jsonl"], ["train", "--llm", URL],
    ["extract-features", "media", "--out", URL], ["inspect", f"nothing://{SECRET}@host/store?token={SECRET}"],
])  # fmt: skip
def test_no_command_repeats_a_secret_that_was_typed(words, tmp_path, run_cli):
    done = run_cli(words, tmp_path)
    assert done.returncode in (1, 2) and SECRET not in done.stdout + done.stderr


@pytest.fixture
def run_cli():
    def run(words, folder):
        return subprocess.run(
            [sys.executable, "-m", "macaw_cli", *words], cwd=folder, capture_output=True, text=True, check=False
        )

    return run
