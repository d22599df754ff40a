"""The commands `scene list` and `maps info|export|build` as a user types them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rayfix.cli import app, main
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.store import save_radio_map


@pytest.fixture
def maps_dir(tmp_path: Path, radio_map: RadioMap) -> Path:
    save_radio_map(tmp_path / "square", radio_map)
    return tmp_path


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_scenes_are_listed(maps_dir: Path) -> None:
    output = _run("scene", "list", "--radio-maps-dir", str(maps_dir))
    built, *others = output.strip().splitlines()
    (munich,) = (line for line in others if line.startswith("munich"))
    assert built.startswith("square")
    assert str(maps_dir / "square") in built
    assert munich.startswith("munich")
    assert "no map yet" in munich


def test_info(maps_dir: Path) -> None:
    where = ("--scene", "square", "--radio-maps-dir", str(maps_dir))
    info = json.loads(_run("maps", "info", *where, "--json"))
    text = _run("maps", "info", *where)
    assert info["cells"] == 3
    assert "3 cells, 60 x 40 pixels of 1 m" in text
    assert all(cell in text for cell in ("A-0", "A-1", "A-2"))


def test_export(maps_dir: Path, tmp_path: Path) -> None:
    output = _run(
        "maps", "export", "--scene", "square", "--radio-maps-dir", str(maps_dir),
        "--format", "cog", "--output", str(tmp_path / "cog"), "--feature", "toa",
    )  # fmt: skip
    assert output == f"Wrote {tmp_path / 'cog' / 'toa.tif'}\n"
    assert (tmp_path / "cog" / "toa.tif").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["maps", "info", "--scene", "nowhere"], "nowhere: there is no radio map here"),
        (["maps", "check", "--scene", "nowhere"], "nowhere: there is no radio map here"),
        (["maps", "build", "--scene", "atlantis"], "no scene 'atlantis'"),
        (["maps", "build"], "give either a scene or a folder of scenes"),
        (["maps", "build", "--scene", "munich", "--cells", "X"], "the site list is missing"),
        (["maps", "export", "--output", "X", "--format", "gif"], "format: one of cog, png"),
    ],
)
def test_mistakes_are_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["rayfix", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
