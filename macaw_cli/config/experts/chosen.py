"""`dataset.experts:` a list of experts, each by its name alone or with its options."""

from typing import TYPE_CHECKING

from macaw_cli.config.design_entries import Design
from macaw_cli.config.experts.table import TABLE
from macaw_cli.config.named_lists import KEY, VariantForm, each_once, list_of
from macaw_cli.config.setting_types import TAG

_FORM = VariantForm(KEY, {name: row.settings for name, row in TABLE.items()})
EXPERT_FORMS = {f"{TAG}{name}": kind for name, kind in _FORM.variants.items()}
"""Tag to the settings that it stands for."""

if TYPE_CHECKING:  # what a union of the table's rows is to mypy
    AnyExperts = tuple[Design, ...]
else:
    AnyExperts = list_of(_FORM, TAG, each_once("expert"))  # a training chooses experts by their names
    """A list of experts as it may be written."""
