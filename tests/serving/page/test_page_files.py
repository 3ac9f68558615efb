"""The files of the page: small, without a build step, and with nothing that makes markup or a script out of text."""

import re
from importlib.resources import files

import pytest

PAGE = {path.name: path.read_text() for path in files("macaw_cli.serving").joinpath("page").iterdir()}
SCRIPTS = sorted(name for name in PAGE if name.endswith(".js"))
MAX_LINES = 250


@pytest.mark.parametrize("name", sorted(PAGE))
def test_no_file_is_longer_than_250_lines(name):
    assert len(PAGE[name].splitlines()) <= MAX_LINES


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_makes_markup_or_code_out_of_text(name):
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|DOMParser"
    code = r"\beval\(|new Function|setTimeout\([\"'`]"
    assert re.findall(f"{markup}|{code}", PAGE[name]) == []


@pytest.mark.parametrize("name", sorted(PAGE))
def test_no_file_names_another_host(name):
    hosts = set(re.findall(r"https?://([\w.-]+)", PAGE[name]))
    assert hosts <= {"www.w3.org"}


def test_the_document_holds_no_script_and_no_style_of_its_own():
    document = PAGE["index.html"]
    assert re.findall(r"<style|style=|\son\w+=|<script(?![^>]*\ssrc=)", document) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_says_what_it_is_for_and_is_used(name):
    assert PAGE[name].startswith(("/** ", "// "))
    others = "".join(text for other, text in PAGE.items() if other != name)
    assert name in others
