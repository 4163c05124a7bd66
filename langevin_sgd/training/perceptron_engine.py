"""How perceptrons are trained, apart from what: no choice changes the law of a result."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from langevin_sgd.checks import as_choice, as_seed, convert_fields
from langevin_sgd.training.observables.error_on_fresh_points import as_test_error
from langevin_sgd.training.precision import Precision, as_precision

Method = Literal["auto", "plain", "accelerated"]
METHODS = ("auto", "plain", "accelerated")


@dataclass(frozen=True, kw_only=True)
class PerceptronEngine:
    """How perceptrons are trained.

    Parameters
    ----------
    method
        ``plain`` makes every step. ``accelerated`` skips the steps in which nothing can change, by
        certificates, and has the same law (not the same path); it is for zero loss, and not for
        sampling by epochs. ``auto`` (default) begins plainly and changes when counts of the work
        say that it pays.
    precision
        How rows are stored, ``float64`` by default; weights and sums are float64 in either case.
    batch_seed
        Seed of the batches alone, for other batches on the same training sets; by default that of
        a result from which the run goes on, else the seed of the run.

    Raises
    ------
    InputError
        If a field lies outside its range.

    Examples
    --------
    >>> PerceptronEngine(method="plain").precision
    'float64'
    """

    method: Method = "auto"
    precision: Precision = "float64"
    batch_seed: int | None = None

    def __post_init__(self) -> None:
        convert_fields(
            self,
            {
                "method": lambda name, value: as_choice(name, value, METHODS),
                "precision": as_precision,
                "batch_seed": lambda name, value: None if value is None else as_seed(name, value),
            },
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types, for provenance."""
        return asdict(self)


def as_record(name: str, value: Any) -> tuple[Any, ...]:
    """Return the observables that are to be measured, of which `value` may be short names."""
    error = as_test_error(name, value)
    return () if error is None else (error,)
