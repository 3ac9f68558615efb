"""An `Answerer` of a server that says what a test tells it to."""

import asyncio
import threading

from macaw_cli.serving.answers.answering import Finished, Piece

ENDLESS = object()
"""An answer that goes on until the client leaves."""


def scripted(server):
    """The answers of a server, which a test may write."""
    service = server.service
    service.answerer = ScriptedAnswers(service.answerer)
    return service.answerer


class ScriptedAnswers:
    """Answers with `text`, or as the model does where it is None.

    Args:
        model: the `Answerer` whose place this one takes.
    """

    def __init__(self, model):
        self.model = model
        self.forget()

    def forget(self):
        """Answer as the model does."""
        self.text, self.questions, self.given_up = None, [], threading.Event()

    async def submit(self, question):
        self.questions.append(question)
        text = self.text(question) if callable(self.text) else self.text
        if text is None:
            async for event in self.model.submit(question):
                yield event
            return
        if isinstance(text, Exception):
            raise text
        try:
            count = 0
            async for piece in pieces_of(text):
                count += 1
                yield Piece(piece)
        except BaseException:  # cancelled, or closed
            self.given_up.set()
            raise
        yield Finished(reason="stop", prompt_tokens=7, completion_tokens=count)

    @property
    def running(self):
        return 0

    @property
    def waiting(self):
        return 0

    async def close(self):
        await self.model.close()


async def pieces_of(text):
    if text is not ENDLESS:
        for start in range(0, len(text), 7):
            yield text[start : start + 7]
        return
    while True:
        yield "and so on "
        await asyncio.sleep(0.02)
