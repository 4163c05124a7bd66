"""Matrix products of many small networks against torch's own, in higher precision and in any
shape.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from langevin_sgd.checks import InputError
from langevin_sgd.kernels.products import add_product, product

SIZE = st.integers(1, 40)
ROUNDING = {torch.float32: 2.0**-22, torch.float64: 2.0**-51}


def stack(generator, *shape, dtype=torch.float64):
    return torch.from_numpy(generator.normal(size=shape)).to(dtype)


@pytest.mark.parametrize("dtype", ROUNDING)
@given(replicas=st.integers(1, 3), rows=SIZE, length=SIZE, columns=SIZE, seed=st.integers(0, 99))
def test_products_of_any_shape(dtype, replicas, rows, length, columns, seed):
    generator = np.random.default_rng(seed)
    a, b, c = (
        stack(generator, replicas, *shape, dtype=dtype)
        for shape in ((rows, length), (length, columns), (rows, columns))
    )
    exact, largest = 0.7 * (a.double() @ b.double()), a.abs().double() @ b.abs().double()
    bound = ROUNDING[dtype] * (length + 2) * (largest + c.abs() + 1)
    assert ((product(a, b, 0.7) - exact).abs() <= bound).all()
    assert ((product(a, b.mT.contiguous().mT, 0.7) - exact).abs() <= bound).all()
    assert ((product(a.mT.contiguous().mT, b, 0.7) - exact).abs() <= bound).all()
    into = c.clone()
    add_product(into, a, b, 0.7, keep=0.9)
    assert ((into - (exact + 0.9 * c.double())).abs() <= bound).all()
    assert not ((into - exact).abs() <= bound).all()  # control


def test_nothing_beside_the_output_is_touched():
    generator = np.random.default_rng(1)
    around = torch.full((2, 9, 21), 5.0)
    inside = around[:, 1:-1, 2:-2]
    a, b = (
        stack(generator, 2, 7, 5, dtype=torch.float32),
        stack(generator, 2, 5, 17, dtype=torch.float32),
    )
    add_product(inside, a, b, 1.0, keep=0.0)
    torch.testing.assert_close(inside, a @ b)
    inside.fill_(5.0)
    assert (around == 5.0).all()


def test_what_the_output_held_before_does_not_matter_with_keep_zero():
    generator = np.random.default_rng(2)
    a, b = stack(generator, 1, 3, 4), stack(generator, 1, 4, 5)
    into = torch.full((1, 3, 5), torch.nan, dtype=torch.float64)
    add_product(into, a, b, 1.0, keep=0.0)
    torch.testing.assert_close(into, a @ b)


@pytest.mark.parametrize("dtype", ROUNDING)
def test_an_output_depends_on_its_own_row_alone(dtype):
    generator = np.random.default_rng(3)
    a, b = stack(generator, 2, 53, 31, dtype=dtype), stack(generator, 2, 31, 40, dtype=dtype)
    whole = product(a, b, 0.3)
    for first, last in ((0, 1), (5, 16), (50, 53)):
        assert torch.equal(product(a[:, first:last], b, 0.3), whole[:, first:last])
    for replica in range(2):
        assert torch.equal(product(a[replica:][:1], b[replica:][:1], 0.3)[0], whole[replica])


@pytest.mark.parametrize("kinds", [(torch.float32, torch.float64), (torch.float64, torch.float32)])
def test_numbers_of_two_kinds_were_read_past_their_end(kinds):
    """Inputs of single precision went through networks of double precision as what lay in memory:
    NaN, or anything.
    """
    from langevin_sgd.models.networks import FullyConnected

    of_inputs, of_weights = kinds
    replicas = FullyConnected(dimension=4, width=3, depth=1).replicas([(0, 0)], of_weights)
    inputs = torch.ones(1, 2, 4, dtype=of_inputs)
    with pytest.raises(InputError, match="must be of one kind of number"):
        replicas.outputs(inputs)
    assert replicas.outputs(inputs.to(of_weights)).isfinite().all()  # control
