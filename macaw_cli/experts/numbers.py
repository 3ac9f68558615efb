"""Series of numbers as text: a sentence, or scaled digits.

Source: PromptCast (Xue and Salim 2022, arXiv 2210.08964) for the sentence, LLMTIME (Gruver et al. 2023, arXiv
2310.07820) for the digits, whose serialiser is `modalities.numbers_as_text`.

The numbers are rounded to fp16, as a feature store keeps them, so that a stored series and its file give the same text.
"""

import numpy as np

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.experts.numbers import NumbersSettings
from macaw_cli.experts.expert import FileExpert, Medium, Surroundings
from macaw_cli.media.decoding import Decoded, Request
from macaw_cli.modalities.numbers_as_text import DigitStyle, digits_of, scaling_of
from macaw_cli.modalities.table import Modality


class NumbersExpert(FileExpert[NumbersSettings]):
    """Writes the channels of a series, one on each line.

    Raises:
        UsageError: separators that cannot be told apart.
    """

    nothing = "empty"

    def __init__(self, settings: NumbersSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        try:
            self._style = DigitStyle(
                base=settings.base, precision=settings.precision, digit_separator=settings.digit_separator,
                step_separator=settings.step_separator,
            )  # fmt: skip
        except ValueError as error:
            raise UsageError(f"The expert numbers cannot write so: {error}.", "Change its separators.") from None
        self.fingerprint = {
            "style": settings.style, "decimals": settings.decimals, "base": settings.base,
            "precision": settings.precision, "digit_separator": settings.digit_separator,
            "step_separator": settings.step_separator,
        }  # fmt: skip

    def text(self, medium: Medium) -> str:
        """See `Expert.text`."""
        return self._written(medium.stored.array()) if medium.stored else self.text_of_file(medium)

    def decoding(self, modality: Modality) -> Request:
        """See `FileExpert.decoding`: numbers of any shape."""
        return {"modality": modality, "any_shape": True}

    def text_of(self, decoded: Decoded, modality: Modality) -> str:
        """See `FileExpert.text_of`."""
        return self._written(decoded[1][modality].astype(np.float16))

    def _written(self, stored: np.ndarray) -> str:
        """The text of numbers (steps, channels) as a feature store keeps them, fp16."""
        values = np.asarray(stored, np.float64)
        write = self._sentence if self.settings.style == "sentence" else self._digits
        lines = [write(channel.tolist()) for channel in values.T]
        named = len(lines) > 1
        return "\n".join(f"Column {number}: {line}" if named else line for number, line in enumerate(lines, 1))

    def _sentence(self, values: list[float]) -> str:
        written = ", ".join(f"{value:.{self.settings.decimals}f}" for value in values)
        return f"From step 1 to step {len(values)}, the value was {written} on each step."

    def _digits(self, values: list[float]) -> str:
        scaling = scaling_of(values)
        scaled = digits_of(scaling.scaled(values), self._style)
        return f"Digits of (value - {scaling.offset:.6g}) / {scaling.unit:.6g}: {scaled}"
