r"""The margins of images that a kernel teacher has not seen: what its decision boundary lies in.

The teacher is kernel ridge regression on labels of +-1, with the tangent kernel of a relu network
of two hidden layers, no biases and infinite width. It is analytic: with u the cosine of two images,

    kappa_0(u) = 1 - arccos(u)/pi,    kappa_1(u) = u kappa_0(u) + sqrt(1 - u^2)/pi,
    s <- kappa_1(s), k <- kappa_1(s) + k kappa_0(s)   twice, from s = k = u,    K = |x||x'| k/d

(Cho and Saul 2009; Jacot, Gabriel and Hongler, arXiv 1806.07572), which a test compares with
networks of finite width. Teachers of one kind have disjoint training sets, and every held-out image
is judged by one of them only: blocks of held-out images are independent, given the teachers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

import langevin_sgd as ls

BATCH = 1024
"""Held-out images whose kernel is held in memory at a time."""


@dataclass(frozen=True, kw_only=True)
class KernelTeachers:
    """Teachers of one P on one data set.

    Parameters
    ----------
    images
        Training sets of all teachers together, and all images that are held out.
    teachers
        How many, of images.points / teachers training points each.
    blocks
        Of held-out images; a multiple of `teachers`.
    ridges
        In units of the mean of K(x, x).
    seed
        Of the order of the images.
    """

    images: ls.data.BinaryImages
    teachers: int
    blocks: int
    ridges: tuple[float, ...]
    seed: int


def tangent_kernel(x: np.ndarray, other: np.ndarray) -> np.ndarray:
    """K of images (point, dimension) and others, (point, other point) float64."""
    lengths = np.outer(np.linalg.norm(x, axis=1), np.linalg.norm(other, axis=1)).astype(np.float64)
    signal = np.clip(x @ other.T / lengths, -1.0, 1.0)
    kernel = signal
    for _ in range(2):
        slope = 1 - np.arccos(signal) / np.pi
        signal = np.clip(signal * slope + np.sqrt(1 - signal**2) / np.pi, -1.0, 1.0)
        kernel = signal + kernel * slope
    return np.asarray(kernel * lengths / x.shape[1])


def taught(
    x: np.ndarray, y: np.ndarray, held_out: np.ndarray, ridges: tuple[float, ...]
) -> np.ndarray:
    """Predictions of teachers of several ridges trained on one set, (ridge, held-out image)."""
    kernel = tangent_kernel(x, x)
    unit = np.trace(kernel) / len(x)
    weights = np.stack(
        [np.linalg.solve(kernel + ridge * unit * np.eye(len(x)), y) for ridge in ridges]
    )
    parts = range(0, len(held_out), BATCH)
    return np.concatenate(
        [weights @ tangent_kernel(x, held_out[start : start + BATCH]) for start in parts], axis=1
    )


@ls.sweep.task()
def margins_of_teachers(settings: KernelTeachers) -> xr.Dataset:
    """Margins |f|/rms(f), (ridge, replica, sample), and part of images set wrong, (ridge, replica);
    a replica is a block of held-out images.
    """
    x, y, held_out, label = settings.images.sample(settings.seed)
    margins, wrong = [], []
    for one in range(settings.teachers):
        train, rest = (_part(len(part), one, settings.teachers) for part in (x, held_out))
        f = taught(x[train], y[train].astype(np.float64), held_out[rest], settings.ridges)
        shape = (len(settings.ridges), settings.blocks // settings.teachers, -1)
        scale = np.sqrt((f**2).mean(axis=1, keepdims=True))
        margins.append((np.abs(f) / scale).reshape(shape))
        wrong.append((np.sign(f) != label[rest]).reshape(shape).mean(axis=2))
    return ls.dataset.make(
        {
            "margin": (("ridge", "replica", "sample"), np.concatenate(margins, axis=1), "1"),
            "test_error": (("ridge", "replica"), np.concatenate(wrong, axis=1), "1"),
        },
        coords={"ridge": np.array(settings.ridges)},
        kind="margins_of_teachers",
        seed=settings.seed,
    )


def _part(count: int, part: int, parts: int) -> slice:
    """Places of one of several equal parts."""
    size = count // parts
    return slice(part * size, (part + 1) * size)
