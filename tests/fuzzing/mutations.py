"""What goes wrong with files, and what somebody could write on purpose, as values of hypothesis."""

import copy
import json

from hypothesis import strategies as st

DEEP = json.loads("[" * 90 + "]" * 90)
VALUES = [
    None, True, False, 0, 1, -1, 2**31, 2**63, -(2**63), 10**400, 0.5, 1e308, float("nan"), float("inf"), "", "x",
    "null", "../outside.txt", "../../outside.txt", "../outside.tar", "../../outside.tar", "/etc/passwd", "a\0b",
    "\ud800", "\x1b[31m", "x" * 3000, "image", [], [0], [-1], [[]], ["x"], [None], [1e9] * 9, [2**20] * 4, {},
    {"": {}}, {"x": None}, {"image": -1}, {"type": []}, DEEP,
]  # fmt: skip
TEXTS = [
    b"", b"\0", b"\n", b"{", b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"\xef\xbb\xbf", b"null\n", b'"x"\n',
    b"[]\n", b"{}\n", b"NaN\n", b"1" * 5000 + b"\n", b"- - -", b"*a", b"&a [*a]", b"{{ 9 ** 9 ** 9 }}",
    b"{% for i in range(99999999) %}x{% endfor %}", b"{{ messages.__class__.__mro__ }}",
    b"{% include '/etc/passwd' %}", b"{{ raise_exception(1) }}", b"{% endfor %}", b"{{ messages[9].content }}",
]  # fmt: skip
place = st.integers(0, 2**32)


def _changes(ways, things):
    """Lists of (place, way, number of the thing): the things themselves are too long to be shown."""
    return st.lists(
        st.tuples(place, st.sampled_from(ways), st.integers(0, len(things) - 1)), min_size=1, max_size=3
    )


WAYS_OF_VALUES, WAYS_OF_BYTES = ("replace", "remove", "add", "repeat"), ("cut", "flip", "insert", "drop", "all")
mutation = st.one_of(
    _changes(WAYS_OF_VALUES, VALUES), _changes(WAYS_OF_VALUES, VALUES), _changes(WAYS_OF_BYTES, TEXTS)
)


def mutated(content, change):
    """The bytes of a file after a change; one of values where it is JSON or JSONL, else of bytes."""
    if change[0][1] in WAYS_OF_VALUES:
        try:
            return _with_values(content, change)
        except (ValueError, UnicodeDecodeError):
            change = [(at, WAYS_OF_BYTES[number % len(WAYS_OF_BYTES)], number) for at, _, number in change]
    for at, what, number in change:
        content = _with_bytes(content, at, what, TEXTS[number % len(TEXTS)])
    return content


def _with_bytes(content, at, what, text):
    at %= len(content) + 1
    if what == "cut":
        return content[:at]
    if what == "all":
        return text
    if what == "insert":
        return content[:at] + text + content[at:]
    if what == "drop":
        return content[:at] + content[at + 40 :]
    return content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :] if at < len(content) else content


def _with_values(content, change):
    text = content.decode()
    try:
        rows, is_one = [json.loads(text)], True
    except ValueError:
        rows, is_one = [json.loads(line) for line in text.splitlines()], False
    for at, what, number in change:
        places = [place for number in range(len(rows)) for place in _places(rows, number)]
        if places:
            _change(*places[at % len(places)], what, copy.deepcopy(VALUES[number]))
    return (json.dumps(rows[0], indent=1) if is_one else "".join(json.dumps(row) + "\n" for row in rows)).encode()


def _places(container, key):
    yield container, key
    inside = container[key]
    keys = range(len(inside)) if isinstance(inside, list) else list(inside) if isinstance(inside, dict) else []
    for inner in keys:
        yield from _places(inside, inner)


def _change(container, key, what, value):
    if what == "remove" and isinstance(container, dict):
        del container[key]
    elif what == "add" and isinstance(container[key], dict):
        container[key]["x"] = value
    elif what == "repeat" and isinstance(container[key], list) and container[key]:
        container[key].append(container[key][0])
    else:
        container[key] = value
