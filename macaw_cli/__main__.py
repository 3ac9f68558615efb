"""`python -m macaw_cli` is the same as `macaw`; the launcher of several processes uses it too."""

from macaw_cli.main import cli

if __name__ == "__main__":
    cli()
