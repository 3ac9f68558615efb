"""What the bodies of both APIs are checked for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from macaw_cli.config.serve_settings import ServeSettings
from macaw_cli.modalities.table import Modality
from macaw_cli.serving.api_errors import ApiError
from macaw_cli.serving.requests.content_parts import MediaLimits
from macaw_cli.serving.requests.fields import Fields

MOST_LOGPROBS = 20
"""Likeliest tokens that are told beside each token."""


def checked_fields(
    body: dict[str, Any], known: Collection[str], absent: Mapping[str, tuple[Any, ...]], model_name: str
) -> Fields:
    """The fields of a request, all of which the API has.

    Args:
        body: of the request.
        known: names of all fields.
        absent: names of those that this server does not have, and the values that ask for nothing.
        model_name: as the API calls the model.

    Raises:
        ApiError: with the first field that is unknown or asks for what the server does not have, or for another model.
    """
    fields = Fields(body)
    fields.require_known(known)
    _require_model(fields, model_name)
    _require_absent(fields, absent)
    return fields


def require_text_format(fields: Fields, name: str) -> None:
    """Refuse a format of answers other than text.

    Args:
        fields: of the object that says it.
        name: of the field.

    Raises:
        ApiError: the request asks for another one.
    """
    found = fields.get(name)
    if found is not None and Fields(found, fields.at(name)).get("type") != "text":
        raise fields.unsupported(name, "Answers are plain text.")


@dataclass(frozen=True)
class Served:
    """What requests are read against.

    Attributes:
        settings: limits.
        model_name: as the API calls the model.
        modalities: that the model was trained on.
    """

    settings: ServeSettings
    model_name: str
    modalities: Sequence[Modality]

    @property
    def media_limits(self) -> MediaLimits:
        """Of the media of one request."""
        nbytes = self.settings.max_media_megabytes * 1_000_000
        return MediaLimits(self.settings.max_media, nbytes, self.modalities)


def _require_model(fields: Fields, name: str) -> None:
    """Refuse a request for another model.

    Raises:
        ApiError: with status 404.
    """
    model = fields.text("model")
    if model is None:
        raise ApiError("model is missing.", param="model", code="missing_required_parameter")
    if model != name:
        message = f"The model {model[:200]!r} does not exist. This server has {name!r}."
        raise ApiError(message, param="model", code="model_not_found", status=404)


def _require_absent(fields: Fields, absent: Mapping[str, tuple[Any, ...]]) -> None:
    """Refuse fields that would ask for something the server does not have.

    Args:
        fields: of the request.
        absent: names, and the values that ask for nothing.

    Raises:
        ApiError: with the first of them.
    """
    for name, empty in absent.items():
        value = fields.get(name)
        if value is not None and value not in empty:
            raise fields.unsupported(name)
