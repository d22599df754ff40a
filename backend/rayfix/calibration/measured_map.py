"""Radio maps from a drive test alone, and the noise model that a posterior on them needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from rayfix.calibration.exponent import DEFAULT_EXPONENT, calibrate_exponent, held_out_maps
from rayfix.errors import InvalidInputError
from rayfix.files import write_text_whole
from rayfix.measurement.drive_test import DriveTest, save_drive_test
from rayfix.measurement.import_log import read_log
from rayfix.measurement.report import QUANTITIES
from rayfix.physics.noise import FeatureNoise, NoiseModel
from rayfix.radio_map.cell_correlation import CellCorrelation
from rayfix.radio_map.kriging import CellPrior, Float32, Float64
from rayfix.radio_map.measured import MeasuredModel, Samples, fit_measured
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.store import save_radio_map
from rayfix.radio_map.track_offsets import track_offsets
from rayfix.scene.bare_sites import read_bare_sites
from rayfix.scene.cell import Cell, sites_of
from rayfix.scene.scene import Extent, Scene

KIND = "measured"
"""Value of the map's attribute `kind`."""
REACH_M = 200.0
"""A place farther than this from every measurement has no map: it would be invented."""
DRIVE_TEST = "drive-test.zarr.zip"


def measured_noise(
    exponent: float = DEFAULT_EXPONENT, correlation: CellCorrelation | None = None
) -> NoiseModel:
    """Noise model for maps whose `path_gain_stderr` is the spread of one reading around the map.

    What is left is quantisation, a tail, readings that have nothing to do with the map (another
    cell under the same name, a wrong position), and what the cells' errors have in common.
    """
    none = FeatureNoise(independent=1.0)
    return NoiseModel(
        path_gain=FeatureNoise(
            independent=0.3, degrees_of_freedom=9.0, outlier_share=0.002, outlier_span=60.0
        ),
        toa=none, timing_advance=none, aoa=none, sinr=none, throughput=none, bler=none,
        max_cells=64, undetected_share=0.01, window_share=0.0, likelihood_exponent=exponent,
        cell_correlation=correlation,
    )  # fmt: skip


def noise_of(radio_map: RadioMap) -> NoiseModel | None:
    """The noise model that a measured map carries; None for a traced one."""
    if radio_map.attributes.get("kind") != KIND:
        return None
    correlation = radio_map.attributes.get("cell_correlation")
    return measured_noise(
        float(str(radio_map.attributes["likelihood_exponent"])),
        None if correlation is None else CellCorrelation.model_validate(correlation),
    )


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


def without_detection(radio_map: RadioMap) -> RadioMap:
    """The map without its detection layer, for comparisons."""
    extra = {name: values for name, values in radio_map.extra.items() if name != "detection"}
    return replace(radio_map, extra=extra)


def level_offsets(drive_test: DriveTest, scene: Scene, cells: Sequence[Cell]) -> Float64:
    """How far each trajectory's RSRP of each cell is above the cell's own [dB], [K, C]."""
    samples = samples_of(drive_test, scene)
    return track_offsets(
        samples.xy_m_N2, samples.level_NC, drive_test.track_M, len(drive_test.tracks),
        cell_priors(cells),
    )  # fmt: skip


def without_offsets(drive_test: DriveTest, offset_KC: Float64) -> DriveTest:
    """The drive test with its trajectories' offsets taken from RSRP."""
    values_RQ = drive_test.values_RQ.copy()
    values_RQ[:, QUANTITIES.index("rsrp_dbm")] -= offset_KC[
        drive_test.track_M[drive_test.moment_R], drive_test.cell_R
    ]
    return replace(drive_test, values_RQ=values_RQ)


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
    level = without_offsets(drive_test, level_offsets(drive_test, scene, cells))
    model = fit_measured(samples_of(level, scene), cell_priors(cells), seed)
    exponent = calibrate_exponent(
        held_out_maps(model, lambda part: map_of(part, scene, cells, resolution_m), seed),
        level,
        model.samples.xy_m_N2,
        measured_noise(correlation=model.correlation),
    )
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
            "cell_correlation": model.correlation.model_dump(),
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
