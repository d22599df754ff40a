"""From tensors to answers: geodesy, ellipses, attention and posterior of a located batch.

Shape letters: B sequences, K hypotheses, L layers, H heads, P cells of the coarse grid, T reports,
N heard cells of a report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from torch import Tensor

from rayfix.locator.fix import (
    Attention,
    Ellipse,
    Fix,
    Grid,
    Hypothesis,
    LocateQuery,
    LocateResult,
    Posterior,
    Refinement,
    Residual,
)
from rayfix.locator.loaded_scene import LoadedScene
from rayfix.locator.measured import MeasuredOnMap
from rayfix.locator.posterior_window import posterior_window
from rayfix.locator.residuals import residuals_at
from rayfix.locator.uncertainty import circle_radius_m
from rayfix.measurement.report import Report, ReportBatch, to_batch
from rayfix.model.coarse_grid import CoarseGrid
from rayfix.model.positioning import Estimate, ModelOnMap, Positions, ellipse_axes
from rayfix.scene.scene import Extent, Scene

ELLIPSE_CONFIDENCE = 0.95
Float64 = npt.NDArray[np.float64]
OnMap = ModelOnMap | MeasuredOnMap


def grid_of(coarse: CoarseGrid, scene: Scene) -> Grid:
    """The coarse grid with its corners on the Earth."""
    width, height = coarse.cell_size_m
    west, south = coarse.west_m, coarse.south_m
    east, north = west + coarse.columns * width, south + coarse.rows * height
    extent = Extent(x_min_m=west, x_max_m=east, y_min_m=south, y_max_m=north)
    return Grid(coarse.rows, coarse.columns, tuple(scene.corners_lon_lat(extent)))


def answers(
    model: str,
    loaded: LoadedScene,
    on_map: OnMap,
    grid: Grid,
    queries: Sequence[LocateQuery],
    batch: ReportBatch,
    positions: Positions,
) -> list[LocateResult]:
    """One result per query; `unknown_cells` and `timing_ms` are left to the caller."""
    scene = loaded.radio_map.scene
    fixes = _fixes(positions.fix, scene)
    unrefined = fixes if positions.refinement is None else _fixes(positions.unrefined, scene)
    hypotheses = _hypotheses(positions, scene)
    refinements = _refinements(positions, scene)
    results = []
    for b, query in enumerate(queries):
        include = query.options.include
        results.append(
            LocateResult(
                fix=fixes[b],
                hypotheses=hypotheses[b],
                model=model,
                scene=scene.name,
                unrefined_fix=None if refinements is None else unrefined[b],
                refinement=None if refinements is None else refinements[b],
                posterior=_posterior(b, query, on_map, grid, positions, scene),
                attention=_attention(b, query, batch, on_map, grid, positions)
                if "attention" in include and positions.map_attention_BLHP is not None
                else None,
                residuals=_residuals(b, query, batch, on_map, fixes[b].x_m, fixes[b].y_m)
                if "residuals" in include
                else None,
            )
        )
    return results


def _numpy(tensor: Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return array


def _fixes(estimate: Estimate, scene: Scene) -> list[Fix]:
    major, minor, bearing = (
        _numpy(t) for t in ellipse_axes(estimate.covariance_m2_B22, estimate.ellipse_95_B)
    )
    xy = _numpy(estimate.xy_m_B2).astype(np.float64)
    lat, lon = scene.georeference.to_lat_lon(xy[:, 0], xy[:, 1])
    radius, confidence = _numpy(estimate.radius_68_m_B), _numpy(estimate.confidence_B)
    radius_95 = circle_radius_m(major, minor, ELLIPSE_CONFIDENCE)
    return [
        Fix(
            lat=float(lat[b]),
            lon=float(lon[b]),
            x_m=float(xy[b, 0]),
            y_m=float(xy[b, 1]),
            accuracy_m=float(radius[b]),
            accuracy_95_m=float(radius_95[b]),
            ellipse=Ellipse(
                float(major[b]), float(minor[b]), float(bearing[b]) % 180.0, ELLIPSE_CONFIDENCE
            ),
            confidence=min(1.0, float(confidence[b])),
        )
        for b in range(len(xy))
    ]


def _hypotheses(positions: Positions, scene: Scene) -> list[tuple[Hypothesis, ...]]:
    xy = _numpy(positions.hypothesis_xy_m_BK2).astype(np.float64)
    lat, lon = scene.georeference.to_lat_lon(xy[..., 0], xy[..., 1])
    weight = _numpy(positions.hypothesis_weight_BK)
    return [
        tuple(
            Hypothesis(float(lat[b, k]), float(lon[b, k]), float(weight[b, k]))
            for k in range(xy.shape[1])
        )
        for b in range(len(xy))
    ]


def _refinements(positions: Positions, scene: Scene) -> list[Refinement] | None:
    """What refinement did with each sequence; a path that stays is a single place."""
    refinement = positions.refinement
    if refinement is None:
        return None
    path = _numpy(refinement.path_m_BJ2).astype(np.float64)
    lat, lon = scene.georeference.to_lat_lon(path[..., 0], path[..., 1])
    energy = _numpy(refinement.energy_BJ)
    refinements = []
    for b in range(len(path)):
        stays = bool((path[b] == path[b, 0]).all())
        places = tuple(
            (float(lat[b, j]), float(lon[b, j])) for j in range(1 if stays else len(path[b]))
        )
        energies = tuple(float(value) for value in energy[b][: len(places)])
        refinements.append(
            Refinement(len(places) - 1, places, energies[0], float(energy[b][-1]), energies)
        )
    return refinements


def _posterior(
    b: int, query: LocateQuery, on_map: OnMap, grid: Grid, positions: Positions, scene: Scene
) -> Posterior | None:
    """At the resolution that the query asks for."""
    if "pixel_posterior" in query.options.include:
        assert positions.pixel_posterior_BYX is not None
        return posterior_window(_numpy(positions.pixel_posterior_BYX[b]), on_map.maps, scene)
    if "posterior" in query.options.include:
        return Posterior(grid, _numpy(positions.posterior_BP[b]))
    return None


def report_order(reports: Sequence[Report]) -> list[int]:
    """Index in the request of each report of a batch, which sorts them by time."""
    return sorted(range(len(reports)), key=lambda index: reports[index].time)


def residuals_of_query(
    query: LocateQuery, on_map: OnMap, x_m: float, y_m: float
) -> tuple[Residual, ...]:
    """Residuals of a query's reports at any place, as if the phone were there."""
    batch, _ = to_batch([query.reports], on_map.maps.cell_index)
    return _residuals(0, query, batch, on_map, x_m, y_m)


def _residuals(
    b: int, query: LocateQuery, batch: ReportBatch, on_map: OnMap, x_m: float, y_m: float
) -> tuple[Residual, ...]:
    """Residuals at a place, with the index that each report has in the request."""
    order = report_order(query.reports)
    noise = on_map.noise
    found = residuals_at(batch[b : b + 1], on_map.maps, noise, x_m, y_m)
    return tuple(replace(residual, report=order[residual.report]) for residual in found)


def _attention(
    b: int,
    query: LocateQuery,
    batch: ReportBatch,
    on_map: OnMap,
    grid: Grid,
    positions: Positions,
) -> Attention:
    assert positions.map_attention_BLHP is not None
    assert positions.token_attention_BLHTN is not None
    order = report_order(query.reports)
    heard = batch.cell_BTN[b] >= 0
    places = np.argwhere(heard)
    return Attention(
        grid=grid,
        map_LHG=_numpy(positions.map_attention_BLHP[b]),
        token_LHN=_numpy(positions.token_attention_BLHTN[b])[:, :, heard],
        tokens=tuple((order[t], on_map.maps.cell_ids[batch.cell_BTN[b, t, n]]) for t, n in places),
    )
