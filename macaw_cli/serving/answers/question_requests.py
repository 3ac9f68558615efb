"""From a question to the engine's request: the prompt, and as many tokens as there is room for."""

import logging
from dataclasses import replace
from typing import Any

from macaw_cli.basics.errors import InputError, MacawError
from macaw_cli.inference.conversations import context_length, conversation_request
from macaw_cli.inference.requests import GenerationRequest
from macaw_cli.serving.answers.answering import Question
from macaw_cli.serving.api_errors import ApiError

_log = logging.getLogger(__name__)


def request_of(model: Any, encoder: Any, question: Question, longest: int) -> GenerationRequest:
    """The request for one question.

    Args:
        model: a Macaw model, or a `MediaEmbedder`.
        encoder: the `ConversationEncoder` that belongs to it.
        question: to be answered.
        longest: tokens of an answer where the question does not say.

    Raises:
        ApiError: the conversation is too long, or its template refuses it.
    """
    positions = context_length(model)
    try:
        request = conversation_request(
            model, encoder, question.messages, question.attachments, max_new_tokens=1,
            sampling=question.sampling, seed=question.seed, stop=question.stop,
        )  # fmt: skip
    except InputError:
        raise too_long(positions) from None
    except MacawError as error:
        _log.info("A conversation was refused: %s", error)
        message = "The model's chat template refuses this conversation."
        raise ApiError(message, param="messages", code="invalid_value") from None
    wanted = question.max_new_tokens or longest
    room = wanted if positions is None else positions - len(request.prompt)
    return replace(request, max_new_tokens=min(wanted, room), logprobs=question.top_logprobs)


def too_long(positions: int | None) -> ApiError:
    """A conversation for which there is no room."""
    limit = "" if positions is None else f" of {positions} tokens"
    message = f"The conversation is longer than the model's context{limit}. Shorten it."
    return ApiError(message, param="messages", code="context_length_exceeded")
