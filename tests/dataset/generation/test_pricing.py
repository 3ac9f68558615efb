"""Prices: of the settings, of a server on this machine, of the table; an unknown one is asked for."""

import pytest

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.generation_settings import GenerationSettings, PriceSettings
from macaw_cli.dataset.generation.pricing import price_of

HOSTED = "https://api.openai.com/v1"


def test_a_price_of_the_settings_comes_first() -> None:
    prices = {"gpt-4o-mini": PriceSettings(input=1, output=2)}
    price = price_of(GenerationSettings(model="gpt-4o-mini", prices=prices))
    assert (price.input, price.output) == (1, 2)
    assert price.cost(1_000_000, 500_000) == 2.0


@pytest.mark.parametrize("endpoint", ["http://localhost:8000/v1", "http://127.0.0.1:1234/v1", "http://[::1]:80/v1"])
def test_a_server_on_this_machine_costs_nothing(endpoint: str) -> None:
    assert price_of(GenerationSettings(model="gpt-4o-mini", endpoint=endpoint)).cost(1e9, 1e9) == 0


@pytest.mark.parametrize("endpoint", ["https://localhost.example.com/v1", "https://example.com/://localhost"])
def test_a_host_that_only_begins_like_this_machine_is_another_one(endpoint: str) -> None:
    with pytest.raises(UsageError):
        price_of(GenerationSettings(model="no-such-model", endpoint=endpoint))


def test_known_models_are_in_the_table() -> None:
    price = price_of(GenerationSettings(model="gpt-4o-mini", endpoint=HOSTED))
    assert 0 < price.input < price.output


def test_the_price_is_that_of_short_prompts() -> None:
    endpoint = "https://generativelanguage.googleapis.com/v1beta/openai"
    assert price_of(GenerationSettings(model="gemini-2.5-pro", endpoint=endpoint)).input == pytest.approx(1.25)


def test_an_unknown_price_is_asked_for() -> None:
    with pytest.raises(UsageError) as caught:
        price_of(GenerationSettings(model="no-such-model", endpoint=HOSTED))
    assert "no-such-model" in str(caught.value)
    assert "generation.prices" in str(caught.value)
