"""Every injection of the table through the same checks."""

from typing import get_args, get_type_hints

from macaw_cli.basics.named_objects import named_object
from macaw_cli.config.injections.table import BUILT_IN
from macaw_cli.model.injections.injection import Injection

INJECTIONS = {row.name: row for row in BUILT_IN}


def test_every_row_names_settings_and_a_class_that_are_there():
    for name, row in INJECTIONS.items():
        assert get_args(get_type_hints(row.settings)["name"]) == (name,)
        assert issubclass(named_object(row.module), Injection)
