"""Convolutional and residual networks: read as torch computes them, value and gradient, in every attribute; what is not is refused by reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import verify
from verify.errors import DisagreementError, DtypeError, ShapeError, UnsupportedLayerError
from verify.networks import Network, read_network
from verify.networks.layers import AveragePool, BatchNorm, Convolution, GroupNorm, MaxPool, Sum
from verify.networks.linearisation import forward
from verify.networks.reading.comparison import require_agreement

SHAPE = (2, 6, 5)
X = np.random.default_rng(0).standard_normal((3, *SHAPE))


def cnn(**options: Any) -> nn.Sequential:
    torch.manual_seed(0)
    first = nn.Conv2d(2, 4, 3, **({"padding": 1} | options))
    return nn.Sequential(first, nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).double().eval()


def maxima() -> nn.Sequential:
    torch.manual_seed(0)
    pool = nn.MaxPool2d((2, 2), (2, 2), (1, 0))
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), pool, nn.Flatten(), nn.Linear(12, 2)).double().eval()


def divided() -> nn.Sequential:
    torch.manual_seed(0)
    norm = nn.GroupNorm(2, 4)
    nn.init.normal_(norm.bias)
    return nn.Sequential(nn.Conv2d(2, 4, 3), norm, nn.Tanh(), nn.Flatten(), nn.Linear(48, 2)).double().eval()


def batch_norm(channels: int, **options: Any) -> nn.BatchNorm2d:
    found = nn.BatchNorm2d(channels, **options)
    if found.running_mean is not None and found.running_var is not None:
        found.running_mean.copy_(0.1 * torch.randn(channels))
        found.running_var.copy_(0.1 + 0.2 * torch.rand(channels))
    return found


class Block(nn.Module):
    """As torchvision writes it: ReLU in place, out += identity."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = batch_norm(after)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = batch_norm(after)
        self.downsample = (
            None if stride == 1 else nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), batch_norm(after))
        )

    def forward(self, x: Any) -> Any:
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.stem = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), batch_norm(4), nn.ReLU(inplace=True))
        self.layer1 = Block(4, 4)
        self.layer2 = nn.Sequential(Block(4, 6, 2), Block(6, 6))
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(6, 1)

    def forward(self, x: Any) -> Any:
        x = self.layer2(self.layer1(self.stem(x)))
        x = torch.flatten(self.pool(x), 1)
        return self.fc(x)


def agrees(model: nn.Module, inputs: np.ndarray = X) -> Network:
    """Read, compare with torch's values and gradients, and with its output once more."""
    network = read_network(model, inputs.shape[1:])
    require_agreement(model, network, inputs)
    with torch.no_grad():
        expected = model.double()(torch.from_numpy(inputs.copy())).numpy()
    assert forward(network, inputs).contains(expected).all() or np.allclose(
        forward(network, inputs).mid, expected, rtol=1e-12
    )
    return network


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2},
        {"stride": (2, 1), "padding": (0, 2)},
        {"padding": "same"},
        {"padding": "valid"},
        {"padding": "same", "dilation": (2, 1)},
        {"dilation": 2, "padding": 2},
        {"groups": 2},
        {"bias": False},
        {"padding": (2, 1), "stride": (3, 2), "groups": 2, "bias": False},
    ],
)
def test_every_attribute_of_a_convolution_is_read(options: dict[str, Any]) -> None:
    agrees(cnn(**options))


@pytest.mark.parametrize(
    "pool",
    [
        nn.AvgPool2d(2),
        nn.AvgPool2d(3, 2, 1),
        nn.AvgPool2d((3, 2), (1, 2), (1, 0), count_include_pad=False),
        nn.AdaptiveAvgPool2d((3, 1)),
        nn.MaxPool2d(2),
        nn.MaxPool2d((3, 2), (1, 2), (1, 0)),
        nn.MaxPool2d(2, 1, 1, 2),
        nn.AdaptiveMaxPool2d((3, 1)),
    ],
)
def test_pooling_is_read(pool: nn.Module) -> None:
    torch.manual_seed(2)
    model = (
        nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.GELU(), pool, nn.Flatten(), nn.LazyLinear(2)).double().eval()
    )
    model(torch.from_numpy(X))
    agrees(model)


@pytest.mark.parametrize("options", [{}, {"affine": False}, {"eps": 0.5}])
def test_batch_norm_is_read_on_maps_and_vectors(options: dict[str, Any]) -> None:
    torch.manual_seed(3)
    vector = nn.BatchNorm1d(3, **options)
    model = nn.Sequential(
        nn.Conv2d(2, 3, 2),
        batch_norm(3, **options),
        nn.SiLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        vector,
        nn.Linear(3, 1),
    )
    agrees(model.double().eval())


def test_a_residual_network_as_torchvision_writes_it() -> None:
    network = agrees(ResNet().double().eval())
    assert sum(isinstance(la, Sum) for la in network.layers) == 3
    assert sum(isinstance(la, BatchNorm) for la in network.layers) == 8


def test_frozen_parameters_do_not_move() -> None:
    model = ResNet().double().eval()
    free = read_network(model, SHAPE).parameters
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.requires_grad_(False)
    network = read_network(model, SHAPE)
    assert network.parameters == free - 2 * (4 * 3 + 6 * 5)
    with pytest.raises(UnsupportedLayerError, match="nothing to train"):
        read_network(model.requires_grad_(False), SHAPE)


@pytest.mark.parametrize(
    "body",
    [
        lambda s, x: s.fc(s.a(x).flatten(1)),
        lambda s, x: s.fc(s.a(x).view(x.size(0), -1)),
        lambda s, x: s.fc(torch.reshape(s.a(x), (x.shape[0], 120))),
        lambda s, x: s.fc(s.a(x).view(-1, 4 * 6 * 5)),
        lambda s, x: s.small(s.a(x).mean((2, 3))),
        lambda s, x: s.small(s.a(x).mean(dim=[-1, -2], keepdim=True).flatten(1)),
        lambda s, x: s.small(functional.adaptive_avg_pool2d(torch.tanh(s.a(x)), 1).flatten(1)),
        lambda s, x: s.small(functional.max_pool2d(functional.relu(s.a(x)), (6, 5)).flatten(1)),
        lambda s, x: s.small(torch.max_pool2d(torch.relu(s.a(x)), (6, 5), padding=(2, 1), stride=(6, 5)).flatten(1)),
        lambda s, x: s.small(functional.adaptive_max_pool2d(s.a(x), 1).flatten(1)),
        lambda s, x: s.fc(functional.layer_norm(s.a(x), (4, 6, 5)).flatten(1)),
        lambda s, x: s.fc((lambda z: functional.layer_norm(z, z.shape[1:], None, None, 0.1))(s.a(x).flatten(1))),
        lambda s, x: s.fc(functional.group_norm(s.a(x), 2, eps=1e-3).flatten(1)),
        lambda s, x: s.fc(functional.rms_norm(s.a(x).flatten(1), (120,), eps=1e-3)),
        lambda s, x: s.fc(torch.flatten(functional.relu(s.a(x) + s.b(x)), 1)),
        lambda s, x: s.fc(torch.flatten(torch.add(s.a(x), s.b(x)), 1)),
        lambda s, x: s.fc(torch.flatten(0.5 * s.a(x) + s.b(x) * 3, 1)),
        lambda s, x: s.small(
            functional.avg_pool2d(functional.hardtanh(s.a(x)) if False else s.a(x).relu_(), (6, 5)).flatten(1)
        ),
    ],
)
def test_ordinary_forwards_are_followed(body: Callable[[Any, Any], Any]) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(4)
            self.a, self.b = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(2, 4, 1)
            self.fc, self.small = nn.Linear(120, 1), nn.Linear(4, 1)

        def forward(self, x: Any) -> Any:
            return body(self, x)

    model = Net().double().eval()
    # Only what the forward calls may be there.
    called = {name for name in ("a", "b", "fc", "small") if f"s.{name}(" in _source(body)}
    for name in {"a", "b", "fc", "small"} - called:
        delattr(model, name)
    agrees(model)


def _source(body: Callable[[Any, Any], Any]) -> str:
    return " ".join(f"s.{name}(" for name in body.__code__.co_names)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (lambda s, x: s.fc(torch.cat([s.a(x), s.b(x)], 1).flatten(1)), "cat"),
        (lambda s, x: s.fc((s.a(x) * s.b(x)).flatten(1)), "products of values"),
        (lambda s, x: s.fc(s.a(x).view(-1, 7)), "views of a sample's"),
        (lambda s, x: s.fc(s.a(x).view(4, -1)), "views of a sample's"),
        (lambda s, x: s.fc(s.a(x).permute(0, 2, 3, 1).flatten(1)), "permute"),
        (lambda s, x: s.fc(s.a(x).flatten(2)), r"Flatten\(1, -1\)"),
        (lambda s, x: s.fc(s.a(x).mean(1)), "means over both positions"),
        (lambda s, x: s.fc(s.a(x).mean((None, 2))), "means over both positions"),
        (lambda s, x: s.fc(functional.max_pool2d(s.a(x), 2, ceil_mode=True).flatten(1)), "ceil_mode"),
        (
            lambda s, x: (
                s.fc((s.b(x) + functional.relu(s.a(x), inplace=True)).flatten(1)) if False else _after_write(s, x)
            ),
            "overwritten in place",
        ),
        (lambda s, x: s.fc(s.a(x)[:, 0].flatten(1)), "getitem"),
        (lambda s, x: s.fc(functional.layer_norm(s.a(x), (4, 6, 5), s.b(x)).flatten(1)), "combines several values"),
        (lambda s, x: s.fc(functional.group_norm(s.a(x), 2, 2.0).flatten(1)), "weight and bias belong to a layer"),  # type: ignore[arg-type]
        (lambda s, x: s.fc(functional.layer_norm(s.a(x), (5,)).flatten(1)), "the whole of a sample"),
        (lambda s, x: s.fc(functional.rms_norm(s.a(x), (4, 6, 5)).flatten(1)), "eps=None"),
        (lambda s, x: s.fc(functional.layer_norm(s.a(x), x.shape[:2]).flatten(1)), "single entries are"),
    ],
)
def test_forwards_that_are_not_known_are_refused(body: Callable[[Any, Any], Any], words: str) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.fc = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(2, 4, 1), nn.Linear(120, 1)

        def forward(self, x: Any) -> Any:
            return body(self, x)

    with pytest.raises(UnsupportedLayerError, match=words):
        read_network(Net().eval(), SHAPE)


def _after_write(s: Any, x: Any) -> Any:
    """torch adds relu(z) twice here; what was read before the write would be another function."""
    z = s.a(x)
    out = functional.relu(z, inplace=True)
    return s.fc((z + out).flatten(1))


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Conv2d(2, 4, 3, padding=1, padding_mode="circular"), "padding_mode"),
        (nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"), "padding_mode"),
        (nn.Conv2d(2, 4, 2, padding="same"), "unequally"),
        (nn.ConvTranspose2d(2, 4, 3), "ConvTranspose2d is not known"),
        (nn.AvgPool2d(2, ceil_mode=True), "ceil_mode"),
        (nn.AvgPool2d(2, divisor_override=3), "divisor_override"),
        (nn.AdaptiveAvgPool2d((4, 1)), "does not divide"),
        (nn.BatchNorm2d(2), "couples the samples"),
        (nn.BatchNorm2d(2, eps=10**400).eval(), "that a double holds"),
        (nn.LayerNorm(5), r"GroupNorm\(1, C\) for a map"),
        (nn.LayerNorm((2, 6, 5)), "a weight for every entry of a map"),
        (nn.GroupNorm(1, 2, eps=0.0), "eps=0.0"),
        (nn.GroupNorm(1, 2, eps=10**400), "that a double holds"),
        (nn.AdaptiveMaxPool2d((4, 1)), "does not divide"),
        (nn.MaxPool2d(2, ceil_mode=True), "ceil_mode"),
        (nn.MaxPool2d(2, return_indices=True), "return_indices"),
        (nn.AdaptiveMaxPool2d(1, return_indices=True), "return_indices"),
        (nn.FractionalMaxPool2d(2, output_size=2), "FractionalMaxPool2d is not implemented"),
        (nn.InstanceNorm2d(2), r"GroupNorm\(C, C\) normalises"),
        (nn.Conv2d(2, 4, 3, padding=1, padding_mode="replicate"), "padding_mode"),
    ],
)
def test_layers_that_are_not_known_are_refused(module: nn.Module, words: str) -> None:
    with pytest.raises(UnsupportedLayerError, match=words):
        read_network(nn.Sequential(module, nn.Flatten(), nn.Linear(10, 1)), SHAPE)


def test_attributes_that_contradict_the_weight_are_refused() -> None:
    model = cnn()
    model[0].weight = nn.Parameter(torch.zeros(4, 1, 3, 3, dtype=torch.float64))
    with pytest.raises(ShapeError, match="attributes"):
        read_network(model, SHAPE)
    model = cnn()
    model[0].groups = 3  # type: ignore[assignment]
    with pytest.raises(UnsupportedLayerError, match="divide"):
        read_network(model, SHAPE)
    with pytest.warns(UserWarning, match="Complex"), pytest.raises(DtypeError):
        read_network(cnn().to(torch.complex128), SHAPE)
    with pytest.raises(UnsupportedLayerError, match="Pass X"):
        read_network(cnn())
    with pytest.raises(ShapeError, match=r"expected a map of 2"):
        read_network(cnn(), (5, 6, 5))


def test_memory_formats_are_only_formats() -> None:
    model, inputs = cnn(), torch.from_numpy(X)
    expected = verify.ntk(model, X).mid
    last = cnn().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for given in (
        inputs,
        inputs.to(memory_format=torch.channels_last),
        inputs.transpose(2, 3).contiguous().transpose(2, 3),
        X.tolist(),
    ):
        assert np.array_equal(verify.ntk(last, given).mid, expected)
    with pytest.raises(ShapeError, match="3 axes"):
        verify.ntk(model, X[0])
    with pytest.raises(ShapeError, match=r"map of 2"):
        verify.ntk(model, X[:, :1])


def _other(network: Network, kind: type, **changes: Any) -> Network:
    index = next(i for i, la in enumerate(network.layers) if isinstance(la, kind))
    layers: list[Any] = list(network.layers)
    layers[index] = replace(layers[index], **changes)
    return Network(tuple(layers), network.input_shape)


def _grouped(network: Network) -> Network:
    """Channels 1 and 2 of the output change places: another group boundary."""
    first: Any = network.layers[0]
    return _other(network, Convolution, weight=first.weight[[0, 2, 1, 3]].copy())


def _no_skip(network: Network) -> Network:
    index = next(i for i, la in enumerate(network.layers) if isinstance(la, Sum))
    layers: list[Any] = list(network.layers)
    layers[index] = replace(layers[index], inputs=(layers[index].inputs[0],) * 2)
    return Network(tuple(layers), network.input_shape)


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        (cnn(stride=2), lambda net: _other(net, Convolution, stride=(1, 2), padding=(1, 1))),
        (cnn(padding=(1, 0)), lambda net: _other(net, Convolution, padding=(0, 1))),
        (cnn(dilation=2, padding=2), lambda net: _other(net, Convolution, dilation=(1, 2), padding=(1, 2))),
        (cnn(groups=2), _grouped),
        (cnn(), lambda net: _other(net, AveragePool, padding=(1, 1), kernel=(8, 7))),
        (maxima(), lambda net: _other(net, MaxPool, stride=(2, 1))),
        (maxima(), lambda net: _other(net, MaxPool, padding=(1, 0), kernel=(3, 2))),
        (ResNet().double().eval(), lambda net: _other(net, BatchNorm, eps=1e-3)),
        (ResNet().double().eval(), _no_skip),
        (divided(), lambda net: _other(net, GroupNorm, groups=1)),
        (divided(), lambda net: _other(net, GroupNorm, eps=2e-5)),
        (divided(), lambda net: _other(net, GroupNorm, centred=False)),
        (divided(), lambda net: _other(net, BatchNorm, bias=np.zeros(4))),
    ],
)
def test_faults_of_reading_are_seen(model: nn.Module, fault: Callable[[Network], Network]) -> None:
    network = read_network(model, SHAPE)
    require_agreement(model, network, X)
    with pytest.raises((DisagreementError, ShapeError, UnsupportedLayerError)):
        require_agreement(model, fault(network), X)
