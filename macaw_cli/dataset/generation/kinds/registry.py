"""Every kind of example that `generation.want` can name.

A new one: write a small file with an `ExampleKind`, and add a line here.
"""

from macaw_cli.dataset.generation.kinds.counting import COUNTING
from macaw_cli.dataset.generation.kinds.description import DESCRIPTION
from macaw_cli.dataset.generation.kinds.kind import ExampleKind
from macaw_cli.dataset.generation.kinds.multi_turn import MULTI_TURN
from macaw_cli.dataset.generation.kinds.question_answer import QUESTION_ANSWER
from macaw_cli.dataset.generation.kinds.reasoning import REASONING
from macaw_cli.dataset.generation.kinds.unanswerable import UNANSWERABLE
from macaw_cli.dataset.generation.kinds.yes_no import YES_NO

KINDS: dict[str, ExampleKind] = {
    kind.name: kind
    for kind in (QUESTION_ANSWER, DESCRIPTION, REASONING, YES_NO, COUNTING, UNANSWERABLE, MULTI_TURN)
}
"""Name to kind."""
DEFAULT = QUESTION_ANSWER.name
"""The kind where `generation.want` names none."""
