"""How far a report may lie from the radio map: the noise model of likelihood, loss and evidence."""

from __future__ import annotations

import math
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rayfix.errors import InvalidInputError
from rayfix.measurement.conditions import Condition
from rayfix.measurement.quantities import (
    AOA_STEP_DEG,
    DETECTION_SNR_DB,
    TOA_STEP_NS,
)
from rayfix.radio_map.cell_correlation import CellCorrelation
from rayfix.radio_map.radio_map import FEATURE_NAMES


class FeatureNoise(BaseModel):
    """Error of one feature around the radio map's value, in the feature's unit.

    The density of a residual r is (1 - outlier_share) t_nu(r / sigma) / sigma
    + outlier_share / outlier_span: a Student-t core, and a flat share for paths that the map does
    not know. A pixel where the map has no path is judged by the flat part alone.

    Attributes:
        independent: standard deviation that differs from report to report.
        common: standard deviation that all reports of a sequence share (correlated shadowing,
            the map's own error): averaging T reports
            leaves sigma^2 = independent^2 / T + common^2.
        degrees_of_freedom: nu of the Student-t core; None is a Gaussian.
        outlier_share: probability that the residual has nothing to do with the map.
        outlier_span: range that such a value is spread over.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    independent: float = Field(ge=0, allow_inf_nan=False)
    common: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    degrees_of_freedom: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    outlier_share: float = Field(default=0.0, ge=0, lt=1)
    outlier_span: float = Field(default=1.0, gt=0, allow_inf_nan=False)

    @property
    def no_path_density(self) -> float:
        """Density [1/unit] of a value that the map does not explain."""
        return 1.0 / self.outlier_span

    @property
    def floor(self) -> float:
        """Density [1/unit] that no residual, however large, falls below."""
        return self.outlier_share / self.outlier_span

    def sigma(self, reports: int = 1) -> float:
        """Standard deviation of the mean of this many reports."""
        return math.sqrt(self.independent**2 / reports + self.common**2)


class MapError(BaseModel):
    """How far the map is from exact paths, as `rayfix maps check` finds it (robust spreads)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path_gain_db: float = Field(default=0.7, ge=0)
    toa_ns: float = Field(default=1.0, ge=0)
    aoa_deg: float = Field(default=0.5, ge=0)


class NoiseModel(BaseModel):
    """Noise of every feature, and when a cell is heard at all.

    Attributes:
        path_gain, toa, timing_advance, aoa, sinr, throughput, bler: errors of the features;
            `timing_advance` is that of a ToA [ns] taken from a timing advance, its quantisation
            apart (the step of the cell, see `Observation.interval_ns_BK`).
        detection_snr_db: RSRP over thermal noise from which a cell is heard [dB].
        max_cells: cells that a report can hold, the strongest ones.
        undetected_share: probability that a cell is not heard where the map is sure that it is; a
            quarter of it for the opposite.
        window_share: probability that a place looks like its surroundings rather than like its
            own pixel (see `likelihood_grid`).
        likelihood_exponent: power of the grid's likelihood. Where the map is wrong, it is wrong
            for several cells at once, so that their evidence is not independent; 0.8 makes the
            68 % ellipses of validation sequences hold 70 %, and 1 holds 62 %.
        missing_cell_share: probability that one report lacks a cell that it holds, because every
            quantity of it is missing.
        wrong_cell_share: probability that all that is measured of a cell has nothing to do with its
            map: an antenna moved or swapped, an identity given anew. 0 leaves it to the features'
            own outliers.
        receiver_offset_db: standard deviation of an offset that all RSRP of one phone share [dB]
            (TS 38.133, 10.1.6: +-6 dB absolute accuracy); the grid posterior integrates over it.
        clock_offset_ns: standard deviation of an offset that all one-way ToAs of one phone share
            [ns]; likelihood, grid posterior and loss eliminate it (`clock`). 0 trusts the clock.
        cell_correlation: of the errors of two cells' path gains at one place, which the grid
            posterior of a map with path gain alone knows (`correlated`); None = independent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path_gain: FeatureNoise
    toa: FeatureNoise
    timing_advance: FeatureNoise
    aoa: FeatureNoise
    sinr: FeatureNoise
    throughput: FeatureNoise
    bler: FeatureNoise
    detection_snr_db: float = DETECTION_SNR_DB
    max_cells: int = Field(default=8, ge=1)
    undetected_share: float = Field(default=0.006, gt=0, lt=1)
    window_share: float = Field(default=0.25, ge=0, lt=1)
    likelihood_exponent: float = Field(default=0.8, gt=0, le=1)
    missing_cell_share: float = Field(default=0.0, ge=0, lt=1)
    wrong_cell_share: float = Field(default=0.0, ge=0, lt=1)
    receiver_offset_db: float = Field(default=0.0, ge=0, le=20)
    clock_offset_ns: float = Field(default=0.0, ge=0, le=1e5)
    cell_correlation: CellCorrelation | None = None

    def of_feature(self, feature: int) -> FeatureNoise:
        """Noise of a feature by its position in `FEATURE_NAMES`; SNR has that of path gain."""
        name = FEATURE_NAMES[feature]
        noise: FeatureNoise = getattr(self, "path_gain" if name == "snr" else name)
        return noise

    @classmethod
    def from_condition(
        cls,
        condition: Condition,
        map_error: MapError | None = None,
    ) -> Self:
        """The true figures of a condition, and the map's own error.

        Args:
            condition: errors of the reports.
            map_error: map against exact paths; None takes the defaults of `MapError`.
        """
        map_error = map_error or MapError()
        residual = condition.rsrp_residual_db
        independent_db = math.hypot(
            residual * math.sqrt(1.0 - condition.correlated_share), _uniform(1.0)
        )
        common_db = math.hypot(
            residual * math.sqrt(condition.correlated_share), map_error.path_gain_db
        )
        timing = {"degrees_of_freedom": 5.0, "outlier_share": 0.05, "outlier_span": 1000.0}
        return cls(
            path_gain=FeatureNoise(
                independent=independent_db,
                common=common_db,
                degrees_of_freedom=5.0,
                outlier_share=0.02,
                outlier_span=60.0,
            ),
            toa=FeatureNoise(
                independent=math.hypot(condition.timing_error_ns, _uniform(TOA_STEP_NS)),
                common=map_error.toa_ns,
                **timing,
            ),
            timing_advance=FeatureNoise(
                independent=condition.timing_error_ns,
                common=map_error.toa_ns,
                **timing,
            ),
            aoa=FeatureNoise(
                independent=math.hypot(condition.aoa_error_deg, _uniform(AOA_STEP_DEG)),
                common=map_error.aoa_deg,
                degrees_of_freedom=5.0,
                outlier_share=0.05,
                outlier_span=360.0,
            ),
            sinr=FeatureNoise(
                independent=math.sqrt(2.0) * independent_db,
                common=math.sqrt(2.0) * common_db,
                degrees_of_freedom=5.0,
                outlier_share=0.02,
                outlier_span=60.0,
            ),
            throughput=FeatureNoise(independent=50.0, common=50.0),
            bler=FeatureNoise(independent=0.1, common=0.1),
            max_cells=condition.max_cells,
            missing_cell_share=min(0.99, condition.missing_cell_share),
            clock_offset_ns=condition.clock_offset_ns,
        )

    @classmethod
    def from_mapping(cls, document: Any, where: str = "noise") -> Self:
        """From the YAML form that `model_dump()` writes.

        Raises:
            InvalidInputError: an unknown key, a missing one, or a value that breaks a rule.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join([where, *(str(part) for part in first["loc"])])
            rule = "no such key" if first["type"] == "extra_forbidden" else first["msg"]
            raise InvalidInputError(field, rule) from None


def _uniform(step: float) -> float:
    """Standard deviation of a uniform error one step wide."""
    return step / math.sqrt(12.0)
