"""Radio maps from a drive test alone, and the noise model that a posterior on them needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from rayfix.errors import InvalidInputError
from rayfix.files import write_text_whole
from rayfix.measurement.drive_test import DriveTest, save_drive_test
from rayfix.measurement.import_log import read_log
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import FeatureNoise, NoiseModel
from rayfix.physics.observation import Observation, observe
from rayfix.physics.posterior import GridPosterior, grid_posterior
from rayfix.physics.report_features import ReportTensors
from rayfix.radio_map.kriging import CellPrior, Float32, Float64
from rayfix.radio_map.measured import (
    FOLDS,
    MeasuredModel,
    Samples,
    block_folds,
    fit_measured,
)
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.store import save_radio_map
from rayfix.scene.bare_sites import read_bare_sites
from rayfix.scene.cell import Cell, sites_of
from rayfix.scene.scene import Extent, Scene

KIND = "measured"
"""Value of the map's attribute `kind`."""
REACH_M = 200.0
"""A place farther than this from every measurement has no map: it would be invented."""
EXPONENTS = (1.0, 0.85, 0.7, 0.6, 0.5, 0.4, 0.3)
DEFAULT_EXPONENT = 0.7
MOST_CALIBRATED = 300
"""Moments that the exponent is calibrated on: the share inside 68 % is then known to 3 %."""
DRIVE_TEST = "drive-test.zarr.zip"
BATCH = 64


def measured_noise(exponent: float = DEFAULT_EXPONENT) -> NoiseModel:
    """Noise model for maps whose `path_gain_stderr` is the spread of one reading around the map.

    What is left is quantisation, a heavy tail, and readings that have nothing to do with the map
    (another cell under the same name, a wrong position).
    """
    none = FeatureNoise(independent=1.0)
    return NoiseModel(
        path_gain=FeatureNoise(
            independent=0.3, degrees_of_freedom=5.0, outlier_share=0.02, outlier_span=60.0
        ),
        toa=none, timing_advance=none, aoa=none, sinr=none, throughput=none, bler=none,
        max_cells=64, undetected_share=0.01, window_share=0.0, likelihood_exponent=exponent,
    )  # fmt: skip


def noise_of(radio_map: RadioMap) -> NoiseModel | None:
    """The noise model that a measured map carries; None for a traced one."""
    if radio_map.attributes.get("kind") != KIND:
        return None
    return measured_noise(float(str(radio_map.attributes["likelihood_exponent"])))


def samples_of(drive_test: DriveTest, scene: Scene) -> Samples:
    """A drive test in the scene's local metres; levels are RSRP [dBm]."""
    x_m, y_m = scene.georeference.to_local(drive_test.lat_deg_M, drive_test.lon_deg_M)
    return Samples(
        np.stack([x_m, y_m], axis=1),
        drive_test.matrix("rsrp_dbm").astype(np.float64),
        drive_test.heard_MC,
        drive_test.listened_MC,
    )


def cell_priors(cells: Sequence[Cell]) -> tuple[CellPrior, ...]:
    """Priors: a site of several bearings has sectors; a lone cell's bearing is taken as unknown."""
    priors: dict[int, CellPrior] = {}
    for indices in sites_of(cells).values():
        sectors = len({cells[i].bearing_deg for i in indices}) > 1
        for i in indices:
            cell = cells[i]
            priors[i] = CellPrior(cell.x_m, cell.y_m, cell.bearing_deg if sectors else None)
    return tuple(priors[i] for i in range(len(cells)))


def scene_around(name: str, title: str, drive_test: DriveTest, resolution_m: float) -> Scene:
    """A scene without geometry that covers a drive test and `REACH_M` around it.

    Raises:
        InvalidInputError: the name breaks the rule of scene names.
    """
    lat, lon = (float(np.median(v)) for v in (drive_test.lat_deg_M, drive_test.lon_deg_M))
    scene = Scene.model_construct(origin_lat_deg=lat, origin_lon_deg=lon)
    x, y = scene.georeference.to_local(drive_test.lat_deg_M, drive_test.lon_deg_M)

    def low(values: Float64) -> float:
        return float(np.floor((values.min() - REACH_M) / resolution_m) * resolution_m)

    def high(values: Float64) -> float:
        return float(np.ceil((values.max() + REACH_M) / resolution_m) * resolution_m)

    try:
        return Scene(
            name=name, title=title or name, geometry="none", origin_lat_deg=lat,
            origin_lon_deg=lon,
            extent=Extent(x_min_m=low(x), x_max_m=high(x), y_min_m=low(y), y_max_m=high(y)),
        )  # fmt: skip
    except ValueError as error:
        raise InvalidInputError("name", str(error).splitlines()[-2].strip()) from None


def map_of(
    model: MeasuredModel,
    scene: Scene,
    cells: Sequence[Cell],
    resolution_m: float,
    attributes: dict[str, object] | None = None,
) -> RadioMap:
    """The radio map of a fitted model; NaN farther than `REACH_M` from every measurement."""
    x_m, y_m = scene.extent.pixel_centres(resolution_m)
    places_G2 = np.stack(np.meshgrid(x_m, y_m), axis=-1).reshape(-1, 2)
    near_G = cKDTree(model.samples.xy_m_N2).query(places_G2)[0] <= REACH_M
    predicted = model.predict(places_G2[near_G])

    def plane(values_CG: Float32) -> Float32:
        full = np.full((len(cells), len(places_G2)), np.nan, np.float32)
        full[:, near_G] = values_CG
        return full.reshape(len(cells), len(y_m), len(x_m))

    epre = np.array([cell.energy_per_resource_element_dbm for cell in cells], np.float32)
    return RadioMap(
        scene=scene,
        cells=tuple(cells),
        x_m=x_m,
        y_m=y_m,
        features={"path_gain": plane(predicted.level_CG - epre[:, None])},
        building_height_m=np.zeros((len(y_m), len(x_m)), np.float32),
        extra={
            "path_gain_stderr": plane(predicted.stderr_CG),
            "detection": plane(predicted.detection_CG),
        },
        attributes=attributes or {},
    )


def posterior_on(maps: MapTensors, drive_test: DriveTest, noise: NoiseModel) -> list[GridPosterior]:
    """Posterior of every moment, in batches of `BATCH`."""
    return [grid_posterior(part, maps, noise) for part in _observations(maps, drive_test, noise)]


def _observations(maps: MapTensors, drive_test: DriveTest, noise: NoiseModel) -> list[Observation]:
    drive_test = drive_test.with_cells(maps.cell_ids)
    reports = ReportTensors.from_batch(drive_test.to_batch(), maps.device)
    listened = torch.from_numpy(drive_test.listened_MC).to(maps.device)
    return [
        observe(reports[part], maps, noise, listened[part])
        for start in range(0, len(drive_test), BATCH)
        for part in (slice(start, start + BATCH),)
    ]


def inside(posterior: GridPosterior, truth_m_B2: Tensor, confidence: float) -> Tensor:
    """Whether the truth lies within the radius of this confidence around the median, [B]."""
    centre_B2 = posterior.geometric_median()
    away_B = torch.linalg.vector_norm(truth_m_B2 - centre_B2, dim=-1)
    held_B: Tensor = away_B <= posterior.radius(centre_B2, confidence)
    return held_B


def calibrate_exponent(
    model: MeasuredModel,
    drive_test: DriveTest,
    scene: Scene,
    cells: Sequence[Cell],
    resolution_m: float,
    seed: int = 0,
    with_detection: bool = True,
) -> float:
    """The likelihood exponent by which 68 % of the truths lie inside the 68 % radius.

    Cells share shadowing that their maps do not know, so that their evidence is not independent.
    Counted at places of one fold of blocks that the map is made without.

    Args:
        model: fitted to the whole drive test.
        drive_test: the same; its cells are those of the map.
        scene, cells, resolution_m: of the map.
        seed: of the fold.
        with_detection: whether the posterior will know the detection map.
    """
    out = block_folds(model.samples.xy_m_N2, FOLDS, seed + 1) == 0
    if not out.any() or out.all():
        return DEFAULT_EXPONENT
    part_model = replace(model, samples=model.samples[~out])
    radio_map = map_of(part_model, scene, cells, resolution_m)
    maps = MapTensors.from_radio_map(radio_map if with_detection else without_detection(radio_map))
    held = np.random.default_rng(seed).permutation(np.flatnonzero(out))[:MOST_CALIBRATED]
    truth_m_B2 = torch.from_numpy(model.samples.xy_m_N2[held]).float()
    posteriors = posterior_on(maps, drive_test[held], measured_noise(1.0))
    share = []
    for exponent in EXPONENTS:
        hits = 0
        for number, posterior in enumerate(posteriors):
            tempered = GridPosterior(
                (posterior.probability_BP.clamp(min=1e-30).log() * exponent).softmax(-1),
                posterior.grid,
            )
            truth = truth_m_B2[number * BATCH : (number + 1) * BATCH]
            hits += int(inside(tempered, truth, 0.68).sum())
        share.append(hits / len(held))
    # The share rises as the exponent falls; between two choices it is as good as linear.
    return float(np.interp(0.68, np.maximum.accumulate(share), EXPONENTS))


def without_detection(radio_map: RadioMap) -> RadioMap:
    """The map without its detection layer, for comparisons."""
    extra = {name: values for name, values in radio_map.extra.items() if name != "detection"}
    return replace(radio_map, extra=extra)


def measure_radio_map(
    drive_test: DriveTest,
    scene: Scene,
    cells: Sequence[Cell],
    folder: Path,
    resolution_m: float = 20.0,
    seed: int = 0,
) -> RadioMap:
    """Fit a measured map and write it with the drive test beside it.

    Args:
        drive_test: what was measured; cells that `cells` lacks are left out.
        scene: what the map covers.
        cells: the site list.
        folder: `radio_maps/<scene>`.
        resolution_m: side of a pixel [m].
        seed: of folds and subsets.
    Raises:
        InvalidInputError: no cell has enough readings.
    """
    drive_test = drive_test.with_cells([cell.cell_id for cell in cells])
    model = fit_measured(samples_of(drive_test, scene), cell_priors(cells), seed)
    exponent = calibrate_exponent(model, drive_test, scene, cells, resolution_m, seed)
    kernel = model.kernel
    radio_map = map_of(
        model,
        scene,
        cells,
        resolution_m,
        {
            "kind": KIND, "likelihood_exponent": round(exponent, 3), "moments": len(drive_test),
            "readings": len(drive_test.moment_R), "seed": seed,
            "long_range_m": kernel.long_range_m, "short_range_m": kernel.short_range_m,
            "short_share": kernel.short_share, "noise_share": kernel.noise_share,
        },
    )  # fmt: skip
    if not np.isfinite(radio_map.features["path_gain"]).any():
        raise InvalidInputError("log", "no cell of the site list has 20 readings")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "buildings.geojson").exists():
        write_text_whole(
            folder / "buildings.geojson", '{"type": "FeatureCollection", "features": []}\n'
        )
    save_drive_test(drive_test, folder / DRIVE_TEST)
    save_radio_map(folder, radio_map)
    return radio_map


def measure(
    log: Path,
    sites: Path,
    name: str,
    output_dir: Path = Path("radio_maps"),
    title: str = "",
    resolution_m: float = 20.0,
    seed: int = 0,
) -> Path:
    """A drive test and a site list become `<output_dir>/<name>`; returns that folder.

    Raises:
        ArtefactError, SourceFileError, InvalidInputError: a file or value breaks a rule.
    """
    drive_test = read_log(log)
    scene = scene_around(name, title, drive_test, resolution_m)
    cells = read_bare_sites(scene, sites)
    unknown = sorted(set(drive_test.cell_ids) - {cell.cell_id for cell in cells})
    if len(unknown) == len(drive_test.cell_ids):
        raise InvalidInputError("sites", f"no cell of the log is in it (heard: {unknown[0]}, ...)")
    folder = output_dir / name
    measure_radio_map(drive_test, scene, cells, folder, resolution_m, seed)
    return folder
