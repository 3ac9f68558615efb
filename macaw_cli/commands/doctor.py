"""`macaw doctor`."""

from macaw_cli.commands.shared_options import ConfigOption, JsonOption, SetOption, workspace_of


def doctor(config: ConfigOption = None, overrides: SetOption = None, as_json: JsonOption = False) -> None:
    """Check what works on this machine, what is missing and what to install."""
    workspace = workspace_of(config, overrides)
    from macaw_cli.inspection.doctor import report

    report(workspace, as_json=as_json)
