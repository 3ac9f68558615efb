"""A format that another package adds: its settings, as the documentation has them, and its class."""

import re
from pathlib import Path

import installed_packages

PAGE = Path(__file__).parents[2] / "docs" / "own-parts.md"
MODULE = '''
from macaw_cli.export.formats.format import ExportFormat


class NpzExport(ExportFormat):
    loader, takes = "numpy.load", "every model"

    def obstacles(self, config):
        return ["it is only tried"]

    def write(self, source, folder):
        raise NotImplementedError

    def prove(self, source, folder):
        raise NotImplementedError
'''
ASK = """
from macaw_cli.config.loading import open_workspace
from macaw_cli.export.formats.registry import every_format, export_format
settings = open_workspace(None, ["export=npz", "export.out=there"]).settings.export
print(settings, export_format(settings).obstacles(None), list(every_format())[-1])
"""


def installed(tmp_path, module=MODULE):
    section = PAGE.read_text().partition("## Export formats")[2]
    (tmp_path / "macaw_npz_settings.py").write_text(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1])
    (tmp_path / "macaw_npz.py").write_text(module)
    groups = {"macaw.exports": {"npz": "macaw_npz_settings:NPZ"}}
    installed_packages.write_metadata(tmp_path, "macaw-npz", "1.0", groups)
    return installed_packages.python(ASK, tmp_path, tmp_path)


def test_a_format_of_another_package_is_one_of_the_formats(tmp_path):
    done = installed(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "NpzExportSettings(format='npz', out='there'" in done.stdout
    assert "['it is only tried'] npz" in done.stdout


def test_a_class_that_is_no_format_is_told_with_its_package(tmp_path):
    done = installed(tmp_path, "class NpzExport:\n    pass\n")
    assert done.returncode == 1
    assert "UsageError" in done.stderr and "macaw-npz" in done.stderr and "ExportFormat" in done.stderr
