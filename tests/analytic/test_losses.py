"""Losses and their derivatives against autograd and finite differences."""

import numpy as np
import pytest
import torch

import langevin_sgd as ls
from langevin_sgd.models.losses import CLASS_LOSSES, LOSSES

OUTPUTS = torch.tensor(
    [-30.0, -2.5, -1.3, -0.7, -0.2, 0.0, 0.4, 0.75, 0.9, 1.2, 3.0, 30.0], dtype=torch.float64
)
"""Away from the kinks at +-1, near which differences of 1e-5 do not come."""


def outputs_and_labels():
    o = torch.cat([OUTPUTS, OUTPUTS])
    return o, torch.cat([torch.ones_like(OUTPUTS), -torch.ones_like(OUTPUTS)])


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_derivatives_are_those_of_autograd(loss):
    o, y = outputs_and_labels()
    o.requires_grad_()
    (first,) = torch.autograd.grad(loss.value(o, y).sum(), o)
    torch.testing.assert_close(loss.derivative(o, y).detach(), first, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(loss.pull(o, y).detach(), -first, rtol=1e-12, atol=1e-14)
    slope = loss.derivative(o, y)
    second = torch.autograd.grad(slope.sum(), o)[0] if slope.requires_grad else torch.zeros_like(o)
    torch.testing.assert_close(
        loss.second_derivative(o, y).detach(), second, rtol=1e-11, atol=1e-14
    )


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_derivatives_are_those_of_differences(loss):
    o, y = outputs_and_labels()
    h = 1e-5
    first = (loss.value(o + h, y) - loss.value(o - h, y)) / (2 * h)
    second = (loss.derivative(o + h, y) - loss.derivative(o - h, y)) / (2 * h)
    torch.testing.assert_close(loss.derivative(o, y), first, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(loss.second_derivative(o, y), second, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_loss_says_whether_it_vanishes_from_a_margin_of_one_on(loss):
    o = torch.tensor([1.0, 1.5, 40.0], dtype=torch.float64)
    for y in (torch.ones_like(o), -torch.ones_like(o)):
        gone = [
            bool((values.abs() < 1e-200).all())
            for values in (loss.value(y * o, y), loss.derivative(y * o, y))
        ]
        assert gone == [loss.vanishes] * 2
        assert not (loss.derivative(0.99 * y, y) == 0).any()


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_lost_output_is_never_fitted(loss):
    o, y = torch.tensor([torch.nan]), torch.tensor([1.0])
    assert loss.value(o, y).isnan().all()
    assert not (loss.pull(o, y) == 0).any()


def classes_and_outputs():
    generator = np.random.default_rng(0)
    o = torch.from_numpy(3 * generator.normal(size=(2, 7, 4)))
    return o, torch.from_numpy(generator.integers(0, 4, size=(2, 7)))


@pytest.mark.parametrize("loss", CLASS_LOSSES.values(), ids=CLASS_LOSSES)
def test_several_outputs_have_the_derivatives_of_autograd(loss):
    o, classes = classes_and_outputs()
    o.requires_grad_()
    vectors = torch.from_numpy(np.random.default_rng(1).normal(size=o.shape))
    (gradient,) = torch.autograd.grad(loss.value(o, classes).sum(), o)
    torch.testing.assert_close(loss.gradient(o, classes).detach(), gradient, rtol=1e-12, atol=1e-14)
    (product,) = torch.autograd.grad((loss.gradient(o, classes) * vectors).sum(), o)
    torch.testing.assert_close(
        loss.hessian_product(o, classes, vectors).detach(), product, rtol=1e-11, atol=1e-14
    )


@pytest.mark.parametrize("loss", CLASS_LOSSES.values(), ids=CLASS_LOSSES)
def test_several_outputs_have_the_derivatives_of_differences(loss):
    o, classes = classes_and_outputs()
    v = torch.from_numpy(np.random.default_rng(2).normal(size=o.shape))
    h = 1e-5
    slope = (loss.value(o + h * v, classes) - loss.value(o - h * v, classes)) / (2 * h)
    along = (loss.gradient(o, classes) * v).sum(-1)
    torch.testing.assert_close(along, slope, rtol=1e-7, atol=1e-9)
    change = (loss.gradient(o + h * v, classes) - loss.gradient(o - h * v, classes)) / (2 * h)
    torch.testing.assert_close(loss.hessian_product(o, classes, v), change, rtol=1e-7, atol=1e-9)


def test_cross_entropy_is_that_of_torch_and_of_two_classes_logistic():
    o, classes = classes_and_outputs()
    expected = torch.nn.functional.cross_entropy(
        o.reshape(-1, 4), classes.reshape(-1), reduction="none"
    )
    values = CLASS_LOSSES["cross_entropy"].value(o, classes)
    torch.testing.assert_close(values.reshape(-1), expected, rtol=1e-12, atol=1e-14)
    single, y = outputs_and_labels()
    pair = torch.stack([torch.zeros_like(single), single], -1)
    of_two = CLASS_LOSSES["cross_entropy"].value(pair, (y > 0).long())
    torch.testing.assert_close(of_two, LOSSES["logistic"].value(single, y), rtol=1e-12, atol=1e-14)


def test_a_large_output_does_not_overflow():
    o = torch.tensor([[1e4, -1e4, 0.0]])
    assert CLASS_LOSSES["cross_entropy"].value(o, torch.tensor([1])).tolist() == [2e4]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([0, 4], "^classes = .0, 4.: must be 0 ... 2"),
        ([-1, 0], "^classes = .-1, 0.: must be 0 ... 2"),
        ([0.0, 1.0], "^classes = shape .2,. of type torch.float32: must be integers"),
        ([0, 1, 2], "^classes = shape .3,. of type torch.int64: must be integers of the shape"),
    ],
)
def test_what_is_no_class_is_refused(classes, message):
    with pytest.raises(ls.InputError, match=message):
        CLASS_LOSSES["square"].value(torch.zeros(2, 3), torch.tensor(classes))
