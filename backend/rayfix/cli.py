"""The `rayfix` command: each command parses its options and calls one ordinary function."""

from __future__ import annotations

import sys

import typer

from rayfix.errors import RayFixError

app = typer.Typer(name="rayfix", help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
scene_app = typer.Typer(help="Scenes: built-in and imported.", no_args_is_help=True)
maps_app = typer.Typer(help="Radio maps: build, check, export.", no_args_is_help=True)
dataset_app = typer.Typer(help="Measurement datasets from exact paths.", no_args_is_help=True)
app.add_typer(scene_app, name="scene")
app.add_typer(maps_app, name="maps")
app.add_typer(dataset_app, name="dataset")


def main() -> None:
    """Run the command line; an expected error is one line on stderr and exit code 2."""
    try:
        app()
    except RayFixError as error:
        print(f"rayfix: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
