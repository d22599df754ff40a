"""Simple methods on the same samples, fitted on the same training blocks as ours.

Shape letters: N training samples, T test samples, C receivers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.neighbors import KNeighborsRegressor

from rayfix.radio_map.measured import Samples

Float64 = npt.NDArray[np.float64]


def strongest_site(test: Samples, site_m_C2: Float64) -> Float64:
    """The place of the strongest receiver, [T, 2]."""
    return site_m_C2[np.nan_to_num(test.level_NC, nan=-np.inf).argmax(1)]


def centroid(test: Samples, site_m_C2: Float64, floor_C: Float64) -> Float64:
    """Mean of the receivers' places, weighted by the amplitude over the noise floor, [T, 2]."""
    over_TC = np.nan_to_num(test.level_NC - floor_C, nan=-200.0)
    weight_TC = 10.0 ** (np.clip(over_TC, 0.0, None) / 20.0) * (over_TC > 0.0) + 1e-9
    return weight_TC @ site_m_C2 / weight_TC.sum(1, keepdims=True)


def features(samples: Samples, fill_C: Float64) -> Float64:
    """Levels with a receiver's floor where it did not run, [N, C]."""
    return np.where(np.isfinite(samples.level_NC), samples.level_NC, fill_C)


def nearest_neighbours(train: Samples, test: Samples, fill_C: Float64) -> Float64:
    """Mean place of the five most alike training samples, by distance of levels, [T, 2]."""
    model = KNeighborsRegressor(n_neighbors=5, weights="distance")
    model.fit(features(train, fill_C), train.xy_m_N2)
    return np.asarray(model.predict(features(test, fill_C)))


def extra_trees(train: Samples, test: Samples, fill_C: Float64) -> Float64:
    """300 extremely randomised trees (Geurts et al. 2006), [T, 2]."""
    model = ExtraTreesRegressor(n_estimators=300, min_samples_leaf=2, random_state=0, n_jobs=1)
    model.fit(features(train, fill_C), train.xy_m_N2)
    return np.asarray(model.predict(features(test, fill_C)))
