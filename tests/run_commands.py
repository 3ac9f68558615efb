"""Runs several macaw commands in one process: `python run_commands.py < [[...], ...]` prints what each of them did.

A process of its own, as the table of modalities is read once; one for all, as importing torch takes most of the time.
"""

import io
import json
import sys
from contextlib import redirect_stdout

from macaw_cli.basics.errors import MacawError
from macaw_cli.main import app

done = []
for command in json.load(sys.stdin):
    out = io.StringIO()
    row = {"code": 0}
    with redirect_stdout(out):
        try:
            app(command, standalone_mode=False)
        except MacawError as error:
            row = {"code": error.exit_code, "error": type(error).__name__, "problem": error.problem, "hint": error.hint}
    done.append(row | {"out": out.getvalue()})
print(json.dumps(done))
