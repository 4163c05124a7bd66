"""A measured number: value, standard error, and whether to trust it.

Every estimator's result passes through the constructor of `Estimate`, which looks at it once more:
nothing that is not finite is valid, and neither is an error that rests on fewer than two
independent samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from langevin_sgd.checks import (
    as_array,
    as_count,
    as_flag,
    as_not_negative,
    as_real,
    as_text,
    is_real,
    require,
)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A measured number with its standard error.

    Parameters
    ----------
    value
        The measured value; ``None`` if nothing could be measured. NaN and infinity become ``None``
        and not valid.
    standard_error
        One standard deviation of `value` over repetitions of the experiment, zero or above;
        ``None`` if unknown. NaN and infinity become ``None`` and not valid.
    n_independent
        How many independent replicas (or effectively independent samples) the error rests on;
        ``None`` if not counted. With an error that rests on fewer than two the estimate is not
        valid.
    method
        How it was measured, in words.
    valid
        False where the estimator was given too little or unsuitable data; `note` then says why.
    note
        The reason, or a remark.

    Raises
    ------
    InputError
        If a field is of another kind, or the standard error is negative.

    Examples
    --------
    >>> print(Estimate(value=1.23456, standard_error=0.0123))
    1.235 +- 0.012
    >>> print(Estimate(value=math.inf, standard_error=math.nan))
    no value (not valid: the data do not determine a finite value and error)
    """

    value: float | None
    standard_error: float | None = None
    n_independent: float | None = None
    method: str = ""
    valid: bool = True
    note: str = ""

    def __post_init__(self) -> None:
        value, error = _finite("value", self.value), _finite("standard_error", self.standard_error)
        lost = (value is None) != (self.value is None) or (error is None) != (
            self.standard_error is None
        )
        counted = (
            None
            if self.n_independent is None
            else as_not_negative("n_independent", self.n_independent)
        )
        alone = error is not None and counted is not None and counted < 2
        doubt = "the data do not determine a finite value and error" if lost else ""
        if value is None:
            doubt = doubt or "nothing was measured"
        if alone:
            doubt = doubt or "the standard error rests on fewer than two independent samples"
        fields = {
            "value": value,
            "standard_error": None if error is None else as_not_negative("standard_error", error),
            "n_independent": _whole(counted),
            "method": as_text("method", self.method),
            "valid": as_flag("valid", self.valid) and not doubt,
            "note": as_text("note", self.note) or doubt,
        }
        for name, converted in fields.items():
            object.__setattr__(self, name, converted)

    @classmethod
    def from_samples(cls, samples: Any, *, method: str = "mean over replicas") -> Estimate:
        """Return mean and standard error of independent samples.

        Not valid with fewer than two finite ones.

        A sample that is not finite is not dropped: the estimate is then not valid and says how many
        there were.

        Raises
        ------
        InputError
            If the samples are no array of real numbers, or some are masked.
        """
        values = as_array("samples", samples, finite=False).ravel()
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad or values.size < 2:
            note = (
                f"{bad} of {values.size} samples are not finite"
                if bad
                else f"{values.size} samples, at least 2 needed"
            )
            return cls(value=None, n_independent=values.size, method=method, valid=False, note=note)
        if (
            values.max() == values.min()
        ):  # the mean of equal numbers equals them up to rounding only
            note = "all samples are equal"
            return cls(
                value=values[0],
                standard_error=0.0,
                n_independent=values.size,
                method=method,
                note=note,
            )
        values, exponent = in_units(values)
        value, error = values.mean(), values.std(ddof=1) / math.sqrt(values.size)
        scaled = cls(value=value, standard_error=error, n_independent=values.size, method=method)
        return shifted(scaled, int(exponent))

    @classmethod
    def refused(cls, reason: str, *, value: float | None = None, method: str = "") -> Estimate:
        """Return an estimate that is not valid, with the reason.

        The doubtful value is kept where there is one.
        """
        return cls(value=value, method=method, valid=False, note=as_text("reason", reason))

    @property
    def degrees_of_freedom(self) -> float:
        """Degrees of freedom of the standard error: n_independent - 1, infinite if not counted."""
        return math.inf if self.n_independent is None else self.n_independent - 1

    def scaled(self, factor: float) -> Estimate:
        """Return the estimate of `factor` times the quantity."""
        factor = as_real("factor", factor)
        mantissa, exponent = math.frexp(factor)
        value = None if self.value is None else self.value * mantissa
        error = None if self.standard_error is None else abs(mantissa) * self.standard_error
        return shifted(replace(self, value=value, standard_error=error), exponent)

    def to_dict(self) -> dict[str, Any]:
        """Return strict JSON types: no NaN, no infinity."""
        return {
            "value": _json_number(self.value),
            "standard_error": _json_number(self.standard_error),
            "n_independent": _json_number(self.n_independent),
            "method": self.method,
            "valid": self.valid,
            "note": self.note,
        }

    def __str__(self) -> str:
        text = format_with_error(self.value, self.standard_error)
        return text if self.valid else f"{text} (not valid: {self.note})"


def shifted(estimate: Estimate, exponent: int) -> Estimate:
    """Return the estimate of 2^exponent times a quantity.

    It is not valid where its error leaves the range of doubles.

    Examples
    --------
    >>> shifted(Estimate(value=3.0, standard_error=1.0), -1).value, shifted(Estimate(value=3.0),
    ...     2000).valid
    (1.5, False)
    """
    with np.errstate(over="ignore", under="ignore"):
        value, error = (
            None if part is None else float(np.ldexp(part, exponent))
            for part in (estimate.value, estimate.standard_error)
        )
    if estimate.standard_error and not error:
        note = estimate.note or "the standard error is below the smallest double"
        return replace(estimate, value=value, standard_error=None, valid=False, note=note)
    return replace(estimate, value=value, standard_error=error)


def in_units(values: np.ndarray, axis: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers over 2^n, the largest below one, and n.

    Their squares neither overflow nor vanish.

    No digit changes but of what is negligible. The unit is that of all numbers, or of those along
    an axis, which then has length one in n; n is 0 where a number is not finite.

    Examples
    --------
    >>> scaled, exponent = in_units(np.array([3e-200, 1e-200]))
    >>> bool(0.5 <= scaled.max() < 1), float(np.ldexp(scaled[0], exponent))
    (True, 3e-200)
    """
    largest = np.abs(values).max(axis=axis, initial=0.0, keepdims=axis is not None)
    exponent = np.where(np.isfinite(largest), np.frexp(largest)[1], 0)
    with np.errstate(under="ignore"):
        return np.ldexp(values, -exponent), exponent


def _finite(name: str, value: Any) -> float | None:
    """Return a finite number, or None for NaN, infinity and None; refuse anything else."""
    if value is None or is_real(value):
        return None if value is None else as_real(name, value)
    floating = (
        isinstance(value, float | np.floating | np.ndarray) and np.asarray(value).dtype.kind == "f"
    )
    missing = (
        floating and np.ndim(value) == 0 and not np.isfinite(value) and not np.ma.is_masked(value)
    )
    require(bool(missing), name, value, "must be a number or None")
    return None


def _whole(count: float | None) -> float | None:
    """Return a whole count as an integer."""
    return int(count) if count is not None and count == int(count) else count


def _json_number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def format_with_error(value: float | None, error: float | None, *, digits: int = 2) -> str:
    """Write a number to the place its error resolves (two digits of the error).

    Examples
    --------
    >>> format_with_error(3.14159, 0.00021), format_with_error(2.5e-9,
    ...     1.3e-11), format_with_error(7.0, None)
    ('3.14159 +- 0.00021', '(2.500 +- 0.013)e-09', '7')
    """
    digits = as_count("digits", digits)
    if value is None or not math.isfinite(value):
        return "no value"
    if error is None or not math.isfinite(error) or error == 0:
        return f"{value:.6g}"
    exponent = math.floor(math.log10(max(abs(value), error)))
    if -4 <= exponent < 6:
        places = max(0, digits - 1 - math.floor(math.log10(error)))
        return f"{value:.{places}f} +- {error:.{places}f}"
    scale = 10.0**exponent
    places = max(0, digits - 1 - math.floor(math.log10(error / scale)))
    return f"({value / scale:.{places}f} +- {error / scale:.{places}f})e{exponent:+03d}"
