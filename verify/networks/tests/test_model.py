"""What is read is exact, and what the theorem does not cover is refused with the reason."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

import verify
from verify.errors import DtypeError, InputError, NonFiniteError, ShapeError, UnsupportedLayerError
from verify.networks import read_data, read_network
from verify.networks.activations import IDENTITY, Activation
from verify.networks.graph import Network, Pair


def linear(i: int, o: int, **kwargs: object) -> torch.nn.Linear:
    return torch.nn.Linear(i, o, dtype=torch.float64, **kwargs)  # type: ignore[arg-type]


def test_float32_parameters_convert_exactly() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1))
    network = read_network(model)
    first = model.state_dict()["0.weight"].numpy()
    assert (network.chain[0].weight.astype(np.float32) == first).all()
    assert network.chain[0].weight.dtype == np.float64
    assert network.parameters == 3 * 2 + 2 + 2 + 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_every_float_dtype_is_exact(dtype: torch.dtype) -> None:
    network = read_network(torch.nn.Sequential(verify.nn.NTKLinear(2, 1)))
    X = torch.tensor([[0.1, 0.7]], dtype=dtype)
    data = read_data(network, X, torch.tensor([0.3], dtype=dtype))
    assert data.X[0, 0] == X[0, 0].item()


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (torch.nn.Hardswish(), "kink"),
        (torch.nn.ELU(alpha=0.5), "CELU"),
        (torch.nn.CELU(alpha=-1.0), "alpha"),
        (torch.nn.Hardtanh(-2.0, 2.0), "verify.nn.Scale"),
        (torch.nn.PReLU(), "does not train"),
        (torch.nn.LeakyReLU(-0.5), "negative_slope"),
        (torch.nn.BatchNorm1d(2), "couples the samples"),
        (torch.nn.Dropout(0.5), "eval"),
        (torch.nn.LayerNorm(2, eps=0.0), "eps=0.0"),
        (torch.nn.RMSNorm(2), "depends on the inputs' dtype"),
        (torch.nn.LayerNorm((2, 2)), "the whole of a sample"),
        (torch.nn.Conv1d(2, 2, 1), "layer for maps"),
    ],
)
def test_unsupported_layers_say_which_why_and_what_instead(module: torch.nn.Module, words: str) -> None:
    model = torch.nn.Sequential(linear(2, 2), module, linear(2, 1))
    with pytest.raises(UnsupportedLayerError, match=words) as error:
        read_network(model)
    assert "model[1]" in str(error.value)


def test_dropout_in_evaluation_mode_is_the_identity() -> None:
    model = torch.nn.Sequential(linear(2, 2), torch.nn.Tanh(), torch.nn.Dropout(0.5), linear(2, 1)).eval()
    assert len(read_network(model).chain) == 2


def test_weight_sharing_is_refused_even_through_views() -> None:
    shared = linear(2, 2)
    with pytest.raises(UnsupportedLayerError, match="shar"):
        read_network(torch.nn.Sequential(shared, torch.nn.Tanh(), shared))
    other = linear(2, 2)
    other.weight = torch.nn.Parameter(shared.weight.data.T)
    with pytest.raises(UnsupportedLayerError, match="shar"):
        read_network(torch.nn.Sequential(shared, torch.nn.Tanh(), other))


def test_hooked_replaced_and_parametrised_layers_are_refused_frozen_parts_do_not_move() -> None:
    frozen = linear(2, 1)
    frozen.bias.requires_grad_(False)
    assert read_network(torch.nn.Sequential(frozen)).parameters == 2
    hooked = linear(2, 1)
    hooked.register_forward_hook(lambda *_: None)
    replaced = linear(2, 1)
    replaced.forward = lambda input: input  # type: ignore[method-assign]
    parametrised = torch.nn.utils.parametrizations.weight_norm(linear(2, 1))
    for layer in (hooked, replaced, parametrised):
        with pytest.raises(UnsupportedLayerError):
            read_network(torch.nn.Sequential(layer))


def test_a_subclass_of_linear_is_not_taken_for_linear() -> None:
    class Doubled(torch.nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(x)

    with pytest.raises(UnsupportedLayerError, match="Doubled"):
        read_network(torch.nn.Sequential(Doubled(2, 1)))


def test_consecutive_activations_are_a_graph_and_a_leading_one_is_refused() -> None:
    twice = read_network(torch.nn.Sequential(linear(2, 2), torch.nn.Tanh(), torch.nn.Sigmoid(), linear(2, 1)))
    assert [layer.kind for layer in twice.layers] == ["linear", "activation", "activation", "linear"]
    assert not twice.is_chain
    with pytest.raises(UnsupportedLayerError, match="comes before any layer"):
        read_network(torch.nn.Sequential(torch.nn.Tanh(), linear(2, 1)))


@pytest.fixture
def network() -> Network:
    return read_network(torch.nn.Sequential(linear(2, 1)))


@pytest.mark.parametrize(
    ("X", "y", "error"),
    [
        (np.zeros((0, 2)), np.zeros(0), ShapeError),
        (np.zeros((3, 1)), np.zeros(3), ShapeError),
        (np.zeros((3, 2)), np.zeros(2), ShapeError),
        (np.zeros((3, 2)), np.zeros((3, 2)), ShapeError),
        (np.zeros(2), np.zeros(1), ShapeError),
        (np.full((1, 2), np.nan), np.zeros(1), NonFiniteError),
        (np.zeros((1, 2)), np.array([np.inf]), NonFiniteError),
        (np.zeros((1, 2), dtype=complex), np.zeros(1), DtypeError),
        (np.array([["a", "b"]]), np.zeros(1), DtypeError),
        (np.array([[2**53 + 1, 0]]), np.zeros(1), DtypeError),
        (np.zeros((1, 2), dtype=np.longdouble), np.zeros(1), DtypeError),
    ],
)
def test_bad_data_is_refused(network: Network, X: np.ndarray, y: np.ndarray, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_data(network, X, y)


def test_a_column_is_never_broadcast_against_a_row() -> None:
    two = read_network(torch.nn.Sequential(linear(2, 2)))
    with pytest.raises(ShapeError):
        read_data(two, np.zeros((3, 2)), np.zeros((3, 1)))


def test_models_that_are_no_modules_or_have_no_layer() -> None:
    with pytest.raises(InputError):
        read_network("model.pt")  # type: ignore[arg-type]
    with pytest.raises(UnsupportedLayerError):
        read_network(torch.nn.Sequential())
    bad = linear(1, 1)
    bad.weight.data[:] = float("nan")
    with pytest.raises(NonFiniteError):
        read_network(torch.nn.Sequential(bad))


def test_a_weight_that_is_no_parameter_is_refused() -> None:
    first, tied = linear(2, 2, bias=False), linear(2, 2, bias=False)
    del tied.weight
    tied.weight = first.weight.t()
    buffered = linear(2, 2, bias=False)
    values = buffered.weight.detach().clone()
    del buffered.weight
    buffered.register_buffer("weight", values)
    for layer in (tied, buffered):
        with pytest.raises(UnsupportedLayerError, match="own Parameters"):
            read_network(torch.nn.Sequential(first, layer))


def test_a_bias_that_torch_would_broadcast_is_refused() -> None:
    for shape in ((1,), (4, 3), (3, 1)):
        layer = linear(2, 3)
        layer.bias = torch.nn.Parameter(torch.zeros(shape, dtype=torch.float64))
        with pytest.raises(ShapeError, match="bias"):
            read_network(torch.nn.Sequential(layer))


def test_an_expanded_parameter_is_refused() -> None:
    layer = linear(2, 3)
    ones = torch.ones(6, dtype=torch.float64)
    for overlapping in (ones[:2].expand(3, 2), torch.as_strided(ones, (3, 2), (1, 1))):
        layer.weight = torch.nn.Parameter(overlapping)
        with pytest.raises(UnsupportedLayerError, match="overlapping"):
            read_network(torch.nn.Sequential(layer))


def test_an_attribute_that_shadows_a_parameter_is_refused() -> None:
    layer = linear(2, 3)
    layer.__dict__["weight"] = torch.zeros(3, 2, dtype=torch.float64)
    with pytest.raises(UnsupportedLayerError, match="own Parameters"):
        read_network(torch.nn.Sequential(layer))


def test_layers_and_activations_made_by_hand_are_validated() -> None:
    with pytest.raises(ShapeError):
        Pair(np.zeros((2, 2)), np.zeros(1), 1, IDENTITY)
    with pytest.raises(NonFiniteError):
        Pair(np.full((2, 2), np.nan), None, 1, IDENTITY)
    with pytest.raises(InputError):
        Pair(np.zeros((2, 2)), None, 0, IDENTITY)
    for name, parameters in (
        ("hardswish", ()),
        ("celu", ()),
        ("celu", (("alpha", 0.0),)),
        ("hardtanh", (("alpha", 1.0),)),
        ("leaky_relu", ()),
        ("leaky_relu", (("negative_slope", -0.1),)),
        ("relu", (("beta", 1.0),)),
        ("tanh", (("beta", 1.0),)),
        ("softplus", ()),
        ("softplus", (("beta", -1.0),)),
    ):
        with pytest.raises(InputError):
            Activation(name, parameters)


def test_a_subclass_of_dropout_is_not_taken_for_the_identity() -> None:
    class Scaled(torch.nn.Dropout):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            return 7 * input

    layers = read_network(torch.nn.Sequential(linear(2, 1), Scaled()).eval()).layers
    assert [layer.kind for layer in layers] == ["linear", "scale"]


def test_global_hooks_and_a_low_softplus_threshold_are_refused() -> None:
    handle = torch.nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        with pytest.raises(UnsupportedLayerError, match="global"):
            read_network(torch.nn.Sequential(linear(2, 1)))
    finally:
        handle.remove()
    with pytest.raises(UnsupportedLayerError, match="threshold"):
        read_network(torch.nn.Sequential(linear(2, 1), torch.nn.Softplus(1.0, threshold=-50.0)))


def test_masked_arrays_and_mixed_lists_of_large_integers_are_refused(network: Network) -> None:
    with pytest.raises(DtypeError, match="mask"):
        read_data(network, np.ma.masked_array([[1.0, 2.0]], mask=[[True, False]]), [0.0])
    for large in (2**53 + 1, np.int64(2**53 + 1)):
        with pytest.raises(DtypeError, match="2\\^53"):
            read_data(network, [[large, 0.5]], [0.0])


@pytest.mark.parametrize("square", [1, 2, 3, 4, 9, 64, 784, 1024, 2**40, 2**53 - 1])
def test_the_scale_encloses_the_inverse_root(square: int) -> None:
    scale = Pair(np.zeros((1, 1)), None, square, IDENTITY).scale
    low, high = Fraction(float(scale.lower())), Fraction(float(scale.upper()))
    assert low**2 <= Fraction(1, square) <= high**2
    root = math.isqrt(square)
    power_of_four = root * root == square and root.bit_count() == 1
    assert scale.is_point == power_of_four
    assert float(scale.rad) <= 2.0**-51 * float(scale.mid)


def test_a_scale_beyond_the_doubles_is_refused() -> None:
    """float(2^60 + 1) would be another number."""
    with pytest.raises(DtypeError):
        _ = Pair(np.zeros((1, 1)), None, 2**60 + 1, IDENTITY).scale
