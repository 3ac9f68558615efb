"""The injections by name, and how many positions of the input a medium takes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from macaw_cli.basics.named_objects import named_object
from macaw_cli.basics.plug_ins import class_of_package
from macaw_cli.config.injections.table import PACKAGES, TABLE
from macaw_cli.modalities.table import Modality
from macaw_cli.model.bridges.registry import soft_token_count
from macaw_cli.model.injections.injection import Injection

if TYPE_CHECKING:
    from torch import nn

    from macaw_cli.model.configuration import MacawConfig


def injection_class(config: "MacawConfig") -> type[Injection] | None:
    """The class of a model's injection, imported on use; None where it has none.

    Raises:
        UsageError: the package that adds it names no class that can be used.
    """
    name = config.injection_settings.name
    if name not in TABLE:
        return None
    place, package = TABLE[name].module, PACKAGES.get(name)
    what = f"the injection {name}"
    found: Any = class_of_package(place, Injection, what, package) if package else named_object(place)
    checked: type[Injection] = found
    return checked


def build_injection(config: "MacawConfig") -> Injection | None:
    """An injection with initial weights; None where the configuration has none.

    Raises:
        UsageError: the sizes in `config` do not fit the design.
    """
    kind = injection_class(config)
    return None if kind is None else kind.from_config(config)


def attached_injection(config: "MacawConfig", llm: "nn.Module") -> Injection | None:
    """`build_injection`, attached to an LLM.

    Raises:
        MismatchError: the LLM has not the layers that the design needs.
    """
    injection = build_injection(config)
    if injection is not None:
        injection.attach(llm)
    return injection


def placeholder_count(config: "MacawConfig", modality: Modality, shape: Sequence[int]) -> int:
    """Positions of the input that one medium takes; arguments and errors as in `soft_token_count`."""
    count = soft_token_count(config, modality, shape)
    kind = injection_class(config)
    return 1 if kind is not None and kind.takes_media else count
