"""The tag of every variant of every section that is one of several, and the settings that it stands for."""

from collections.abc import Mapping
from typing import Any

from macaw_cli.config.bridges.designs import BRIDGE_FORMS
from macaw_cli.config.experts.chosen import EXPERT_FORMS
from macaw_cli.config.exports.chosen import EXPORT_FORMS
from macaw_cli.config.filters.chosen import FILTER_FORMS
from macaw_cli.config.injections.designs import INJECTION_FORMS
from macaw_cli.config.loss_weights.modes import LOSS_WEIGHT_FORMS
from macaw_cli.config.tasks.chosen import TASK_FORMS

VARIANT_FORMS: Mapping[str, Any] = {
    **BRIDGE_FORMS, **INJECTION_FORMS, **FILTER_FORMS, **EXPERT_FORMS, **LOSS_WEIGHT_FORMS, **EXPORT_FORMS,
    **TASK_FORMS,
}  # fmt: skip
