"""What layers in which a few queries read many tokens keep and compute, for planning and MFU.

Letters: Q queries, N tokens that they read, W width of a query, C width of a token, I width inside an attention.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class QueryLayers:
    """Layers for one sequence of N tokens and its Q queries.

    Attributes:
        layers: how many.
        reading: how many of them read the tokens.
        queries: Q.
        tokens: N.
        width: W.
        channels: C.
        inner: I of each attention.
        feed_forward: size between the linear layers of the feed-forward part; 0 where there is none.
        among_queries: whether the queries of every layer also read each other, in an attention of their own.
    """

    layers: int
    reading: int
    queries: int
    tokens: int
    width: int
    channels: int
    inner: int
    feed_forward: int = 0
    among_queries: bool = False

    def values(self) -> float:
        """Numbers that a forward pass keeps for the backward pass."""
        attentions = self.reading + self.layers * self.among_queries
        # an attention's input, what enters its last layer, and what is normed; keys and values of what is read
        kept = self.queries * attentions * (3 * self.width + 2 * self.inner)
        kept += self.reading * self.tokens * 2 * self.inner
        kept += self.layers * self.among_queries * self.queries * 2 * self.inner
        return float(kept + self.layers * self.queries * (2 * self.feed_forward + 2 * self.width))

    def operations(self) -> float:
        """Floating point operations of a forward pass."""
        weights = self.reading * (self.queries * 2 * self.width + self.tokens * 2 * self.channels) * self.inner
        weights += self.layers * self.among_queries * self.queries * 4 * self.width * self.inner
        weights += self.layers * self.queries * 2 * self.width * self.feed_forward
        pairs = self.reading * self.tokens + self.layers * self.among_queries * self.queries
        return 2.0 * (weights + pairs * self.queries * 2 * self.inner)
