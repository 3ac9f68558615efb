"""Makes the tiny checkpoints that ship with the package: `python -m macaw_cli.quickstart.pretraining`."""
