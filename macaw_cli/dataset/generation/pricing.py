"""What tokens cost: prices of the settings, else of the table in genai-prices."""

from dataclasses import dataclass

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.generation_settings import GenerationSettings
from macaw_cli.dataset.generation.endpoint import is_local

_PRICED_TOKENS = 1_000


@dataclass(frozen=True, slots=True)
class Price:
    """Price of a model in US dollars per million tokens."""

    input: float
    output: float
    source: str
    """Where it comes from."""

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        """US dollars for a prompt and its reply."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6


def price_of(settings: GenerationSettings) -> Price:
    """The price of the model.

    Cached prompts are counted at the full price, so a cost is never told too low because of them.

    Raises:
        UsageError: nobody knows it.
    """
    if given := settings.prices.get(settings.model):
        return Price(given.input, given.output, "generation.prices")
    if is_local(settings.endpoint):
        return Price(0.0, 0.0, "a server on this machine counts as free; generation.prices can say otherwise")
    found = _from_table(settings)
    if found is None:
        raise UsageError(
            f"The price of the model {settings.model} is not known.",
            "Give it in US dollars per million tokens:"
            f" --set 'generation.prices={{{settings.model}: {{input: 0.15, output: 0.6}}}}'.",
        )
    return found


def _from_table(settings: GenerationSettings) -> Price | None:
    from genai_prices import Usage, __version__, calc_price

    # few tokens, as long prompts have prices of their own
    usage = Usage(input_tokens=_PRICED_TOKENS, output_tokens=_PRICED_TOKENS)
    for url in (settings.endpoint, None):  # None: of whichever provider has a model of that name
        try:
            found = calc_price(usage, settings.model, provider_api_url=url)
        except LookupError:
            continue
        scale = 1_000_000 / _PRICED_TOKENS
        source = f"genai-prices {__version__}"
        return Price(float(found.input_price) * scale, float(found.output_price) * scale, source)
    return None
