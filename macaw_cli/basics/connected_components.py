"""Union-find: which things hang together."""

from collections.abc import Hashable, Iterable


class Connections:
    """Groups of things that are connected, directly or through others."""

    def __init__(self) -> None:
        self._parent: dict[Hashable, Hashable] = {}

    def connect(self, things: Iterable[Hashable]) -> None:
        """Put all of `things`, and all that is connected with any of them, into one group."""
        first, *others = things
        root = self.group(first)
        for other in others:
            self._parent[self.group(other)] = root

    def group(self, thing: Hashable) -> Hashable:
        """The thing that stands for the group of `thing`; equal for all members."""
        root = thing
        while self._parent.setdefault(root, root) != root:
            root = self._parent[root]
        while thing != root:  # the next walk is one step long
            self._parent[thing], thing = root, self._parent[thing]
        return root
