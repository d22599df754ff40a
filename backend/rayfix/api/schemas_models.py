"""Bodies of what is known of a model: training and evaluation."""

from __future__ import annotations

from rayfix.api.schemas import ApiModel, LonLat


class EvaluationRow(ApiModel):
    """One line of the accuracy table: errors [m], shares [0..1], time [ms]."""

    condition: str
    reports: int
    method: str
    n: int
    median_m: float
    p67_m: float
    p90_m: float
    p95_m: float
    rmse_m: float
    within_5m: float
    within_10m: float
    within_20m: float
    inside_68: float
    inside_95: float
    ms_per_fix: float


class EvaluationCurve(ApiModel):
    """The errors of one line of the table: `quantile_m[i]` is that of share i / (len - 1), and
    `inside[i]` the share of truths inside the ellipses of confidence `nominal[i]`."""

    condition: str
    reports: int
    method: str
    quantile_m: list[float]
    nominal: list[float]
    inside: list[float]


class EvaluationPlaces(ApiModel):
    """Error [m] at each test place [lon, lat] of one condition."""

    condition: str
    reports: int
    method: str
    places: list[LonLat]
    error_m: list[float]


class EvaluationBody(ApiModel):
    """What `rayfix evaluate --record` found."""

    model: str
    scene: str
    dataset: str
    made: str
    rows: list[EvaluationRow]
    curves: list[EvaluationCurve]
    places: list[EvaluationPlaces]


class ModelMetrics(ApiModel):
    """A model: versions (SHA-256, shortened), training, evaluation."""

    model: str
    version: str
    maps: dict[str, str]
    parameters: int | None
    training_seconds: float | None
    history: list[dict[str, float]]
    evaluation: EvaluationBody | None
