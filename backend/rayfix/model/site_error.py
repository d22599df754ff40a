"""What is wrong with one site is wrong for all its sectors: an error that they share.

Shape letters: B sequences, R rows of the evidence (one per sequence, cell and known quantity).
"""

from __future__ import annotations

import torch
from torch import Tensor

from rayfix.model.observed import Observed
from rayfix.model.student_t import student_weight


def shared_site_error(
    observed: Observed, gain_R: Tensor, residual: Tensor, variance: Tensor, reached: Tensor
) -> Tensor:
    """What an unknown error common to all sectors of a site adds to the log likelihood, [B, ...].

    Path gain residuals r with weights w of Student's t (inverse variances, at their core), and the
    common error N(0, t): integrating it out of the Gaussian adds, per site,
    (t s1^2 / (1 + t s2) - ln(1 + t s2)) / 2 with s1 = sum w r, s2 = sum w.
    """
    weight = torch.where(reached, student_weight(residual, variance), 0.0)
    B, sites = len(observed.heard_BC), observed.sites
    index = (observed.sequence_R * sites + observed.site_R)[gain_R]
    zero = residual.new_zeros(B * sites, *residual.shape[1:])
    first, second = zero.index_add(0, index, weight * residual), zero.index_add(0, index, weight)
    common = observed.site_variance_B.repeat_interleave(sites).view(-1, *[1] * (zero.dim() - 1))
    spread = 1.0 + common * second
    added = 0.5 * (common * first.square() / spread - spread.log())
    return added.view(B, sites, *zero.shape[1:]).sum(1)
