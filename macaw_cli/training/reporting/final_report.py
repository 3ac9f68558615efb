"""The report at the end of a run. The model is saved by then, and nothing that goes wrong here may cost it."""

from pathlib import Path

from macaw_cli.basics.console import say
from macaw_cli.basics.shell_words import to_type


def draw_report(run: Path) -> None:
    """Write `report.html` and `plots/` into a run's folder, or tell why not.

    Args:
        run: the folder; its log and summary are written.
    """
    try:
        from macaw_cli.reports.run_page import write_run_report

        page = write_run_report(run)
    except Exception as error:  # drawing needs fonts, a cache folder, room on the disk: all of that may be missing
        again = to_type("macaw", "inspect", run, "--html")
        say(f"The report of {run} cannot be drawn ({error}). `{again}` tries again.")
    else:
        say(f"Report: {page}")
