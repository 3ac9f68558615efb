"""What Prometheus reads at `/metrics`."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from macaw_cli.serving.answers.answering import Answerer, Event, Finished, Question
from macaw_cli.serving.api_errors import ApiError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The figures of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        here = self.registry
        labels = ("path", "status")
        self.requests = Counter("macaw_requests", "Requests by route and HTTP status.", labels, registry=here)
        self.request_seconds = Histogram(
            "macaw_request_seconds", "Seconds until a response was complete, or its stream began.", ("path",),
            buckets=_SECONDS, registry=here,
        )  # fmt: skip
        self.first_token_seconds = Histogram(
            "macaw_first_token_seconds", "Seconds from a question, its media read, to the first token of its answer.",
            buckets=_SECONDS, registry=here,
        )  # fmt: skip
        self.prompt_tokens = Counter("macaw_prompt_tokens", "Tokens of prompts, soft tokens included.", registry=here)
        self.cached_tokens = Counter("macaw_cached_tokens", "Tokens of prompts that were in a cache.", registry=here)
        self.completion_tokens = Counter("macaw_completion_tokens", "Tokens of answers.", registry=here)
        self.answers = Counter("macaw_answers", "Answers by how they ended.", ("ending",), registry=here)
        self.running = Gauge("macaw_answers_running", "Answers that are being generated.", registry=here)
        self.waiting = Gauge("macaw_answers_waiting", "Answers that wait for their turn.", registry=here)
        self.media = Counter("macaw_media", "Media that were read.", ("modality",), registry=here)
        self.media_seconds = Histogram(
            "macaw_media_seconds", "Seconds that reading one medium took.", ("stage",), buckets=_SECONDS, registry=here
        )
        for ending in ("stop", "length", "failed", "cancelled", "refused"):
            self.answers.labels(ending)

    def text(self) -> bytes:
        """All figures, as Prometheus reads them."""
        return generate_latest(self.registry)


class MeasuredAnswerer:
    """An `Answerer` that counts what another one does."""

    def __init__(self, answerer: Answerer, metrics: Metrics) -> None:
        self._answerer, self._metrics = answerer, metrics
        metrics.running.set_function(lambda: answerer.running)
        metrics.waiting.set_function(lambda: answerer.waiting)

    @property
    def running(self) -> int:
        """See `Answerer.running`."""
        return self._answerer.running

    @property
    def waiting(self) -> int:
        """See `Answerer.waiting`."""
        return self._answerer.waiting

    async def submit(self, question: Question) -> AsyncGenerator[Event]:
        """See `Answerer.submit`."""
        began, first, ending = time.monotonic(), True, "cancelled"
        try:
            async with aclosing(self._answerer.submit(question)) as events:
                async for event in events:
                    if first:
                        self._metrics.first_token_seconds.observe(time.monotonic() - began)
                        first = False
                    if isinstance(event, Finished):
                        ending = event.reason
                        self._count(event)
                    yield event
        except ApiError as error:
            ending = "refused" if error.status < 500 else "failed"
            raise
        except Exception:
            ending = "failed"
            raise
        finally:
            self._metrics.answers.labels(ending).inc()

    async def close(self) -> None:
        """See `Answerer.close`."""
        await self._answerer.close()

    def _count(self, end: Finished) -> None:
        self._metrics.prompt_tokens.inc(end.prompt_tokens)
        self._metrics.cached_tokens.inc(end.cached_tokens)
        self._metrics.completion_tokens.inc(end.completion_tokens)
