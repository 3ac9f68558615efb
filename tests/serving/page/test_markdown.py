"""The page's own Markdown: what it becomes, and that nothing in it is ever markup or a script."""

import time

import pytest

SHOW = """async (text) => {
  const { show } = await import("/page/markdown.js");
  const element = document.createElement("div");
  show(element, text);
  element.querySelectorAll(".code-bar").forEach((bar) => bar.remove());
  return element.innerHTML;
}"""
CODE = '<div class="code"><pre tabindex="0" role="group" aria-label="Code{}"><code>{}</code></pre></div>'


def link(target, words):
    return f'<a href="{target}" title="{target}" target="_blank" rel="noopener noreferrer nofollow">{words}</a>'


@pytest.fixture(scope="module")
def show(browser, served):
    context = browser.new_context(base_url=served[0])
    page = context.new_page()
    page.goto("/")
    yield lambda text: page.evaluate(SHOW, text)
    context.close()


@pytest.mark.parametrize(("text", "html"), [
    ("One\ntwo\n\nthree", "<p>One<br>two</p><p>three</p>"),
    ("# A\n## B #\n####### C", "<h3>A</h3><h4>B</h4><p>####### C</p>"),
    ("**bold** *it* __b__ _i_ ~~no~~",
     "<p><strong>bold</strong> <em>it</em> <strong>b</strong> <em>i</em> <del>no</del></p>"),
    ("***both*** and **a *b* c** and *a **b** c*",
     "<p><strong><em>both</em></strong> and <strong>a <em>b</em> c</strong> and <em>a <strong>b</strong> c</em></p>"),
    ("snake_case_name 2 * 3 * 4 __init__.py", "<p>snake_case_name 2 * 3 * 4 <strong>init</strong>.py</p>"),
    ("a `b*c*` ``d ` e``", "<p>a <code>b*c*</code> <code>d ` e</code></p>"),
    (r"\*no\* \# 1\. \`c\`", "<p>*no* # 1. `c`</p>"),
    ("---\n***", "<hr><hr>"),
    ("> a\n> > b", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>"),
    ("- a\n- b\n  - c\n\n    d\n- e", "<ul><li>a</li><li>b<ul><li>c<p>d</p></li></ul></li><li>e</li></ul>"),
    ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
    ("1. a\n   ```\n   x\n   ```\n2. b", f'<ol start="1"><li>a{CODE.format("", "x")}</li><li>b</li></ol>'),
    ("- [ ] a\n- [x] b", "<ul><li>☐ a</li><li>☑ b</li></ul>"),
    ("In 1999. it\n1999. it", "<p>In 1999. it<br>1999. it</p>"),
    ("```python\na < b\n\n  c\n```\nd", CODE.format(" in python", "a &lt; b\n\n  c") + "<p>d</p>"),
    ("~~~\n```\n~~~", CODE.format("", "```")),
    ("```\nnot closed", CODE.format("", "not closed")),
    ("| a | b |\n|:-:|--:|\n| 1 | `x\\|y` |",
     '<div class="table" tabindex="0" role="group" aria-label="Table"><table><thead><tr>'
     '<th class="center" scope="col">a</th><th class="right" scope="col">b</th></tr></thead><tbody><tr>'
     '<td class="center">1</td><td class="right"><code>x|y</code></td></tr></tbody></table></div>'),
    ("a | b\nc", "<p>a | b<br>c</p>"),
    ("[x](https://a.org/b_(c)_d)", f"<p>{link('https://a.org/b_(c)_d', 'x')}</p>"),
    ("see https://a.org/x_y_z.", f"<p>see {link('https://a.org/x_y_z', 'https://a.org/x_y_z')}.</p>"),
    ("<mailto:a@b.org>", f"<p>{link('mailto:a@b.org', 'mailto:a@b.org')}</p>"),
    ("![a cat](https://a.org/c.png)", f"<p>{link('https://a.org/c.png', 'Image: a cat')}</p>"),
])  # fmt: skip
def test_markdown_becomes_the_elements_that_it_means(show, text, html):
    assert show(text) == html


@pytest.mark.parametrize("text", [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<b>bold</b>", "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))", "[x](data:text/html,<script>alert(1)</script>)", "[x](vbscript:x)", "[x](/v1/models)",
    "[x](//evil.example)", "![x](javascript:alert(1))", "<javascript:alert(1)>", "[x](https://)",
    "[x](file:///etc/passwd)",
])  # fmt: skip
def test_html_and_other_targets_stay_text(show, text):
    html = show(text)
    assert all(f"<{tag}" not in html for tag in ("script", "img", "b>", "a ", "iframe"))


@pytest.mark.parametrize("text", [
    "`" * 50_000, "*a " * 20_000, "**a **" * 10_000, "[" * 50_000, "[a](" * 15_000, "![" * 30_000, "_a" * 30_000,
    "> " * 20_000 + "a", "~~a" * 20_000, "- " * 20_000, "\n" * 60_000, "- a\n" + "\n" * 50_000,
    "|" * 50_000 + "\n" + "|-" * 25_000, "https://" * 10_000,
    "a | b\n" * 10_000, "#" * 50_000, "* * " * 15_000 + "a", "1. " * 15_000, "(" * 50_000, "<https://" + "a" * 50_000,
], ids=lambda text: repr(text[:8]))  # fmt: skip
def test_no_text_takes_long(show, text):
    started = time.perf_counter()
    show(text)
    assert time.perf_counter() - started < 5


def test_a_growing_answer_keeps_the_elements_that_are_complete(show, browser, served):
    script = """async () => {
      const { show } = await import("/page/markdown.js");
      const element = document.createElement("div");
      show(element, "first\\n\\nsec");
      const [first, second] = element.children;
      show(element, "first\\n\\nsecond **x");
      const kept = [element.children[0] === first, element.children[1] === second];
      show(element, "f");
      return [...kept, element.innerHTML];
    }"""
    context = browser.new_context(base_url=served[0])
    page = context.new_page()
    page.goto("/")
    assert page.evaluate(script) == [True, False, "<p>f</p>"]
    context.close()
