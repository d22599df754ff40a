from __future__ import annotations

import torch

from rayfix.model.student_t import boxed_student_t, student_weight


def test_boxed_student_t_is_a_density() -> None:
    r = torch.linspace(-4000.0, 4000.0, 800_001, dtype=torch.float64)
    for width in (0.0, 130.0):
        density = boxed_student_t(r, torch.tensor(49.0), torch.tensor(width))
        assert abs(float(torch.trapezoid(density, r)) - 1.0) < 2e-3


def test_without_a_box_is_student_t() -> None:
    r = torch.linspace(-30.0, 30.0, 61)
    expected = torch.distributions.StudentT(5.0, 0.0, 3.0).log_prob(r)
    found = boxed_student_t(r, torch.tensor(9.0), torch.tensor(0.0)).log()
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_weight_is_the_slope_of_the_log_density() -> None:
    r = torch.linspace(0.5, 30.0, 60, dtype=torch.float64, requires_grad=True)
    variance = torch.tensor(9.0, dtype=torch.float64)
    boxed_student_t(r, variance, torch.zeros(())).log().sum().backward()
    torch.testing.assert_close(-r.grad / r.detach(), student_weight(r.detach(), variance))
