r"""One eigenmode in phase space: rotation, curvature, temperature.

All take coordinates (step, replica) of one mode at stationarity. Conventions (Kunin et al., arXiv
2107.09133): the velocity v_k is the one that produced theta_k; theta horizontal and v vertical, so
that the current runs clockwise and its winding rate is negative (PyTorch's momentum buffer is -v
and turns the other way).

Sources: the winding rate -lr omega of the stationary current, the swept area -(lr/2)(1 + momentum -
lr k/2) Var v per step, and k = (1 - r_1)(1 + momentum)/lr are derived from the linear map of SGD
with additive noise, theta'' = theta' + momentum (theta' - theta) - lr (k theta' + noise):
multiplying it by theta' at stationarity gives r_1 (1 + momentum) = 1 + momentum - lr k, exactly at
any lr k.
"""

from __future__ import annotations

import numpy as np

from langevin_sgd.checks import as_fraction, as_positive, require
from langevin_sgd.estimate import Estimate, in_units, shifted
from langevin_sgd.measure.autocorrelation import as_series, doubt, stuck
from langevin_sgd.measure.jackknife import jackknife


def winding_rate(position: np.ndarray, velocity: np.ndarray, omega: float) -> Estimate:
    """Mean advance of the angle atan2(v, omega theta) per recorded step.

    In radians; negative is clockwise.

    Parameters
    ----------
    position, velocity
        (step, replica), measured from the fixed point, at consecutive steps. Each advance is
        wrapped to (-pi, pi]:
        near the origin the noise of one interval turns the angle by more than that, so that the
        rate of a path recorded at intervals h falls short of its value at h -> 0 (by 4% at h omega
        = 0.26, momentum 0.9).
    omega
        Natural angular frequency of the mode per unit of physical time, sqrt(2 k/(lr (1 +
        momentum))) for the Langevin equation of SGD. It sets the unit of theta against v.

    Returns
    -------
    Estimate
        Over replicas; not valid with fewer than two, one that is not finite, or a coordinate that
        is constant.
    """
    omega = as_positive("omega", omega)
    position, velocity = _pair(position, velocity)
    method = "mean wrapped advance of the angle, over replicas"
    if reason := doubt(position) or doubt(velocity):
        return Estimate.refused(reason, method=method)
    with np.errstate(over="ignore", under="ignore"):
        scaled = omega * position
    if not np.isfinite(scaled).all() or np.any((scaled == 0) & (position != 0)):
        return Estimate.refused(
            "omega times the position is beyond the range of doubles", method=method
        )
    advance = np.diff(np.arctan2(velocity, scaled), axis=0)
    wrapped = np.pi - np.mod(np.pi - advance, 2 * np.pi)
    return Estimate.from_samples(wrapped.mean(axis=0), method=method)


def swept_area(position: np.ndarray, velocity: np.ndarray) -> Estimate:
    """Mean area (theta_k v_{k+1} - v_k theta_{k+1})/2 swept per recorded step.

    Negative is clockwise.

    Parameters
    ----------
    position, velocity
        (step, replica), at consecutive steps.

    Returns
    -------
    Estimate
        Over replicas; not valid with fewer than two, one that is not finite, or a coordinate that
        is constant.
    """
    position, velocity = _pair(position, velocity)
    method = "mean swept area, over replicas"
    if reason := doubt(position) or doubt(velocity):
        return Estimate.refused(reason, method=method)
    (position, first), (velocity, second) = in_units(position), in_units(velocity)
    return shifted(
        Estimate.from_samples(_area(position, velocity), method=method), int(first + second)
    )


def _area(position: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """(replica,) mean area swept per step."""
    area: np.ndarray = (position[:-1] * velocity[1:] - velocity[:-1] * position[1:]).mean(
        axis=0
    ) / 2
    return area


def curvature(position: np.ndarray, *, lr: float, momentum: float) -> Estimate:
    """Stiffness k of a mode (Hessian eigenvalue plus weight decay) from its lag-1 autocorrelation.

    k = (1 - r_1)(1 + momentum)/lr, exact for a quadratic mode of SGD with additive noise at any lr
    k; 1 - r_1 is taken as the mean squared step over twice the variance, which loses no digits
    where r_1 is near one.

    Parameters
    ----------
    position
        (step, replica), at consecutive steps, at stationarity; at least two replicas.
    lr, momentum
        Settings of SGD.

    Returns
    -------
    Estimate
        In units of the Hessian; not valid where a replica is not finite or constant.
    """
    lr, momentum = as_positive("lr", lr), as_fraction("momentum", momentum)
    series = as_series("position", position, replicas=2)
    method = "lag-1 autocorrelation, jackknife over replicas"
    if reason := doubt(series) or stuck(series):
        return Estimate.refused(reason, method=method)
    series = in_units(series)[0]
    series = series - series.mean()
    inner = (series[:-1] ** 2 + series[1:] ** 2).mean(axis=0) / 2
    samples = np.stack(
        [(np.diff(series, axis=0) ** 2).mean(axis=0), inner, series.mean(axis=0)], axis=1
    )

    def stiffness(mean: np.ndarray) -> np.ndarray:
        one_minus_r = mean[:, 0] / (2 * (mean[:, 1] - mean[:, 2] ** 2))
        return one_minus_r * (1 + momentum) / lr

    value, error = jackknife(stiffness, samples)
    return Estimate(
        value=float(value),
        standard_error=float(error),
        n_independent=series.shape[1],
        method=method,
    )


def effective_temperature(coordinate: np.ndarray, coefficient: float) -> Estimate:
    """Temperature of a mode: coefficient times the variance of a coordinate.

    Parameters
    ----------
    coordinate
        (step, replica): a position with its stiffness as coefficient, or a velocity with the mass
        lr (1 + momentum)/2. Equipartition says that both give lr q/(2 (1 - momentum)), q the noise
        variance per step.
    coefficient
        > 0.

    Returns
    -------
    Estimate
        In units of the loss; not valid with fewer than two replicas or one that is not finite.
    """
    coefficient = as_positive("coefficient", coefficient)
    series = as_series("coordinate", coordinate)
    method = "variance over steps and replicas, jackknife over replicas"
    if series.shape[1] < 2:
        return Estimate.refused(f"{series.shape[1]} replicas, at least 2 needed", method=method)
    if reason := doubt(series):
        return Estimate.refused(reason, method=method)
    series, exponent = in_units(series)
    series = series - series.mean()
    samples = np.stack([(series**2).mean(axis=0), series.mean(axis=0)], axis=1)
    value, error = jackknife(lambda mean: mean[:, 0] - mean[:, 1] ** 2, samples)
    variance = Estimate(
        value=float(value), standard_error=float(error), n_independent=len(samples), method=method
    )
    mantissa, power = np.frexp(coefficient)
    return shifted(variance.scaled(float(mantissa)), int(2 * exponent + power))


def _pair(position: np.ndarray, velocity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    position, velocity = as_series("position", position), as_series("velocity", velocity)
    require(
        position.shape == velocity.shape,
        "velocity",
        velocity.shape,
        f"must have the shape {position.shape}",
    )
    return position, velocity
