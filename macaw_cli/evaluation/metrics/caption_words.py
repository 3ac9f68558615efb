"""Words of a caption as the scorer of the COCO captions counts them."""

import re
from functools import lru_cache

MARKS = str.maketrans({
    "\N{LEFT SINGLE QUOTATION MARK}": "'", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"', "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{EN DASH}": " -- ", "\N{EM DASH}": " -- ", "\N{HORIZONTAL ELLIPSIS}": " ... ",
    "\N{VULGAR FRACTION ONE HALF}": "1/2", "\N{VULGAR FRACTION ONE QUARTER}": "1/4",
    "\N{VULGAR FRACTION THREE QUARTERS}": "3/4",
})  # fmt: skip
ABBREVIATED = """
mr mrs ms dr drs prof profs rev hon jr sr st ave blvd rd mt ft vs etc inc ltd corp co bros gen col capt lt sgt cpl maj
cmdr adm brig gov pres sen rep atty supt esq messrs assn asst dept est sq cf pvt bldg ph.d jan feb mar apr jun jul aug
sep sept oct nov dec mon tue wed thu fri ala ariz calif colo conn fla ga ind kan ky md mich minn mo mont neb nev okla
penn tenn va vt wis
"""
ABBREVIATIONS = frozenset(ABBREVIATED.split())
"""Their period belongs to them, and so does that of letters, as in `u.s.`."""
BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
IN_TWO = {"cannot": 3, "gonna": 3, "gotta": 3, "wanna": 3, "gimme": 3, "lemme": 3, "y'all": 2}
"""Two words written as one: how many letters the first of them has."""
LEFT_OUT = frozenset(["'", "''", '"', "`", "``", ".", "?", "!", ",", ":", "-", "--", "---", "..", "...", ";"])
TOKEN = re.compile(
    r"""
      (?:https?://|www\.)[^\s,;!?"()]*[\w/]
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+
    | [@#][^\W\d]\w*
    | <\w+>
    | nos?\.(?=\s+\#?\d)
    | (?:[^\W\d_]\.){2,}(?!\w)                                      # u.s., p.m.
    | [^\W\d_]\.(?!\w|\s*$|\s+(?-i:An?|The|In|It|He|She|There|This|They)\b)   # the period of "c." may end a sentence
    | [+-]?(?:\d+(?:[.,:/-]\d+)+|\.\d+)(?=(?:[ap]m)?(?!\w))         # 5.50, 3,000, 3:30, 1/2, 10-12
    | (?<!\S)[+-]\d+
    | '(?:s|m|d|re|ve|ll|em|til|cause|n'|\d\ds)(?!\w)
    | [^\W_](?:\w|[-/](?=\w)|[.!?](?=[^\W\d_])|(?<=[^\W\d])'(?!s-)(?=\w))*    # t-shirt, red/blue, o'brien
    | \.+ | -+ | [!?]+ | `` | ''
    | \S
    """,
    re.VERBOSE | re.IGNORECASE,
)
KEPT = 1 << 16
"""Captions whose words are kept, as every metric and condition reads the same references."""
CLITICS = re.compile(r"(\w[\w'/.-]*?)((?:n't|'(?:s|m|d|re|ve|ll))+)$")
CLITIC = re.compile(r"n't|'\w+")


def caption_words(text: str) -> list[str]:
    """Words in lower case without punctuation: `isn't` is two, `t-shirt` is one, a bracket is `-lrb-`.

    These are the tokens of the Stanford PTBTokenizer 3.4.1 without the marks that the COCO scorer leaves out. Captions
    in plain English have the same words as there. Rarer text may differ: telephone numbers in brackets, unusual web
    addresses, emoticons, and a letter with a period at the end, whose period depends there on the next caption.

    Source: Chen et al. 2015 (arXiv 1504.00325), section 4.1.
    """
    return [word for word in caption_tokens(text) if word not in LEFT_OUT]


@lru_cache(maxsize=KEPT)
def caption_tokens(text: str) -> tuple[str, ...]:
    """As `caption_words`, punctuation included."""
    text = text.translate(MARKS)
    words: list[str] = []
    for found in TOKEN.finditer(text):
        token = found.group().lower()
        if text.startswith(".", found.end()) and token in ABBREVIATIONS:
            token += "."
        words += _parts(token)
    return tuple(words)


def _parts(token: str) -> list[str]:
    if token in BRACKETS:
        return [BRACKETS[token]]
    if token in IN_TWO:
        return [token[: IN_TWO[token]], token[IN_TWO[token] :]]
    if clitics := CLITICS.match(token):
        return [clitics[1], *CLITIC.findall(clitics[2])]
    return [token]
