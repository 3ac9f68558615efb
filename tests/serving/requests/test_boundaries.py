"""The first and the last value that each field may have are answered, and those beyond are refused with its name."""

import pytest

RANGES = {
    "temperature": (0, 2), "top_p": (0, 1), "min_p": (0, 1), "repetition_penalty": (0.01, 100), "top_k": (-1, 2**53),
    "seed": (-(2**63), 2**63 - 1), "n": (1, 8), "max_tokens": (1, 2**53), "max_completion_tokens": (1, 2**53),
    "top_logprobs": (0, 20),
}  # fmt: skip


@pytest.mark.parametrize("name", RANGES)
def test_a_value_at_the_edge_is_answered_and_one_beyond_is_not(server, name):
    low, high = RANGES[name]
    more = {"temperature": 1} | ({"logprobs": True} if name == "top_logprobs" else {})
    more |= {"stop": [" ", "e"]} if "max" in name else {}
    for value in (low, high):
        assert server.chat(**more | {name: value}).status == 200, value
    for value in (low - 1, high + 1, "1", [], float("nan"), True):
        if isinstance(value, int) and abs(value) > 2**53 and name != "seed":
            continue  # as large as numbers come
        refused = server.chat(**more | {name: value})
        assert refused.status == 400 and name in (refused.error["param"] or name), value


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [("temperature", 3, "decimal_above_max_value"), ("top_p", -0.5, "decimal_below_min_value"),
     ("n", 9, "integer_above_max_value"), ("max_tokens", 0, "integer_below_min_value")],
)  # fmt: skip
def test_a_number_out_of_range_has_openais_code(server, name, value, code):
    assert server.chat(**{name: value}).error["code"] == code


@pytest.mark.parametrize("path", ["chat/completions", "responses"])
def test_an_unknown_part_is_told_the_kinds_that_this_model_takes(server, path):
    content = [{"type": "picture"}]
    fields = {"input": [{"role": "user", "content": content}]} if path == "responses" else {
        "messages": [{"role": "user", "content": content}],
    }  # fmt: skip
    told = server.call("POST", f"/v1/{path}", {"model": "tiny", **fields}).error["message"]
    known = set(told.rstrip(".").partition("one of ")[2].split(", "))
    names = server.call("GET", "/v1/models").json["data"][0]["modalities"]
    assert known == {"text", *(kind for name in names for kind in (name, f"{name}_url", f"input_{name}"))}


def test_no_probability_at_all_takes_the_likeliest_token(server):
    likeliest = server.chat(temperature=0, max_tokens=8).json["choices"][0]["message"]
    assert server.chat(temperature=1.5, top_p=0, max_tokens=8).json["choices"][0]["message"] == likeliest
