"""Several answers at once, their events as they come."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from macaw_cli.serving.answers.answering import Answerer, Event, Question

Numbered = tuple[int, Event]
"""The number of a question and an event of its answer."""


async def answers_together(answerer: Answerer, questions: Sequence[Question]) -> AsyncGenerator[Numbered]:
    """The events of all answers; closing the generator gives all of them up.

    Raises:
        ApiError: one of the questions cannot be answered.
    """
    if len(questions) == 1:
        async with aclosing(answerer.submit(questions[0])) as events:
            async for event in events:
                yield 0, event
        return
    arrived: asyncio.Queue[Numbered | Exception | None] = asyncio.Queue()
    tasks = [asyncio.create_task(_follow(answerer, one, at, arrived)) for at, one in enumerate(questions)]
    try:
        left = len(tasks)
        while left:
            found = await arrived.get()
            if isinstance(found, Exception):
                raise found
            if found is None:
                left -= 1
            else:
                yield found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _follow(
    answerer: Answerer, question: Question, number: int, arrived: "asyncio.Queue[Numbered | Exception | None]"
) -> None:
    try:
        async with aclosing(answerer.submit(question)) as events:
            async for event in events:
                arrived.put_nowait((number, event))
    except Exception as error:  # raised where the events are read
        arrived.put_nowait(error)
    else:
        arrived.put_nowait(None)
