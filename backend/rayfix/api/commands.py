"""The commands `rayfix keys ...`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rayfix.api.access import Scope

app = typer.Typer(help="API keys of the service.", no_args_is_help=True)
KeysFile = Annotated[Path | None, typer.Option(help="Default: RAYFIX_KEYS_FILE or data/keys.json.")]


def _file(given: Path | None) -> Path:
    from rayfix.config import load_settings

    return given or load_settings().keys_file


@app.command("create")
def keys_create(
    name: Annotated[str, typer.Argument(help="What the key is called in lists and logs.")],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="May be repeated; default: locate and read.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Requests per second; default: the service's.")
    ] = None,
    connections: Annotated[
        int | None, typer.Option(help="Requests at a time; default: the service's.")
    ] = None,
    prefix: Annotated[
        str, typer.Option(help="How the key begins; Google's client libraries want AIza.")
    ] = "rfx_",
    keys_file: KeysFile = None,
) -> None:
    """Make a key and print it, alone on stdout; only its SHA-256 is kept."""
    from rayfix.api.keys import KeyStore

    scopes = frozenset(scope or (Scope.LOCATE, Scope.READ))
    store = KeyStore(_file(keys_file))
    typer.echo(store.create(name, scopes, rate, connections, prefix))
    typer.echo(f"Key '{name}' may {', '.join(sorted(scopes))}. It is not shown again.", err=True)


@app.command("list")
def keys_list(
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    keys_file: KeysFile = None,
) -> None:
    """List the keys by name, without what would let anybody in."""
    from rayfix.api.keys import KeyStore

    rows = [
        {**record.model_dump(mode="json", exclude={"sha256"}), "scopes": sorted(record.scopes)}
        for record in KeyStore(_file(keys_file)).records()
    ]
    if json_output:
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        typer.echo(f"{row['name']:24} {', '.join(row['scopes']):22} since {row['created']}")


@app.command("revoke")
def keys_revoke(
    name: Annotated[str, typer.Argument(help="Name of the key.")], keys_file: KeysFile = None
) -> None:
    """Revoke a key; a running service refuses it from its next request on."""
    from rayfix.api.keys import KeyStore

    KeyStore(_file(keys_file)).revoke(name)
    typer.echo(f"Revoked '{name}'.")
