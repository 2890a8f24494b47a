"""What the proved checker does not cover is refused with a reason; the words about what it covers name the problem."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

import verify
from verify import datasets
from verify.certificates import Certificate
from verify.errors import InputError, NotCertainError
from verify.formal import accept as coq_accept
from verify.formal.examples import train
from verify.formal.problem import formal_problem
from verify.formal.text import to_coq
from verify.formal.witness import find_witness
from verify.networks.model import Loss
from verify.networks.sgd import SGD

_REFUSED = "not covered by the proved checker"


def _with_network(certificate: Certificate, *layers: torch.nn.Module) -> Certificate:
    """A certificate that says PROVED of another network."""
    X, y = datasets.sphere(4, 3, 2.0)
    network = verify.certify(torch.nn.Sequential(*layers).double().eval(), X, y, scope="point").problem
    return replace(certificate, problem=replace(network, lr=Fraction(1, 10)))


@pytest.mark.parametrize(
    ("layers", "what"),
    [
        ("linear(3, 8), tanh, linear(8, 8), tanh, linear(8, 1)", "2 hidden layers"),
        ("linear(3, 8), linear(8, 8), tanh, linear(8, 1)", "2 hidden layers"),
        ("linear(3, 1)", "0 hidden layers"),
        ("linear(3, 8), torch.nn.LeakyReLU(), linear(8, 1)", "activation 'leaky_relu'"),
        ("linear(3, 8), torch.nn.GELU(), linear(8, 1)", "activation 'gelu'"),
        ("linear(3, 8), torch.nn.Softplus(), linear(8, 1)", "activation 'softplus'"),
        ("linear(3, 8), tanh, linear(8, 1), tanh", "activation 'tanh' of the output layer"),
        ("linear(3, 8), tanh, tanh, linear(8, 1)", r"layer 2 \(activation\) is no fully connected layer"),
        (
            "linear(3, 8), torch.nn.BatchNorm1d(8), tanh, linear(8, 1)",
            r"layer 1 \(batch_norm\) is no fully connected layer",
        ),
        ("ntk(3, 8, weight_std=1.5), tanh, ntk(8, 1)", "layer 0 scales its weight by 1.5"),
        ("ntk(3, 8, bias=True, bias_std=0.5), tanh, ntk(8, 1)", "its bias by 0.5"),
    ],
)
def test_other_networks_are_refused(certificate: Certificate, layers: str, what: str) -> None:
    scope = {"linear": torch.nn.Linear, "ntk": verify.nn.NTKLinear, "tanh": torch.nn.Tanh(), "torch": torch}
    with pytest.raises(InputError, match=f"{what}.*: {_REFUSED}"):
        formal_problem(_with_network(certificate, *eval(f"[{layers}]", scope)))


@pytest.mark.parametrize(("layer", "name"), [(0, "weight"), (0, "bias"), (2, "weight"), (2, "bias")])
def test_frozen_parameters_are_refused(certificate: Certificate, layer: int, name: str) -> None:
    layers = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    getattr(layers[layer], name).requires_grad_(False)
    with pytest.raises(InputError, match=f"layer {layer} does not train its {name}: {_REFUSED}"):
        formal_problem(_with_network(certificate, *layers))


@pytest.mark.parametrize(
    "descent",
    [
        SGD(batch_size=4),
        SGD(batch_size=4, order="with_replacement"),
        SGD(momentum=0.5),
        SGD(momentum="0.9", nesterov=True),
    ],
)
def test_other_descents_are_refused(certificate: Certificate, descent: SGD) -> None:
    bound = replace(certificate.problem, descent=descent.on(certificate.problem.data.n))
    with pytest.raises(InputError, match=f"descent=.*: {_REFUSED}"):
        formal_problem(replace(certificate, problem=bound))


@pytest.mark.parametrize(
    "change",
    [{"scope": "point"}, {"scope": "region"}, {"verdict": "INCONCLUSIVE"}, {"verdict": "REFUTED"}],
)
def test_other_certificates_are_refused(certificate: Certificate, change: dict[str, str]) -> None:
    with pytest.raises(InputError, match="PROVED certificate"):
        formal_problem(replace(certificate, **change))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"lr=None: {_REFUSED}"):
        formal_problem(replace(certificate, problem=replace(certificate.problem, lr=None)))


def test_a_residual_that_is_too_large_is_refused_with_the_inequality(certificate: Certificate) -> None:
    X, y = datasets.sphere(8, 3, 2.0)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 48), torch.nn.Tanh(), torch.nn.Linear(48, 1)).double()
    train(net, torch.tensor(X), torch.tensor(y), Fraction(1, 100), 20)
    problem = verify.certify(net, X, y, scope="point").problem
    with pytest.raises(NotCertainError, match="the formal criterion needs"):
        find_witness(formal_problem(replace(certificate, problem=replace(problem, lr=Fraction(1, 100)))))


@pytest.mark.parametrize(
    ("activation", "weights", "inputs", "says"),
    [
        (torch.nn.Tanh, 40.0, 1.0, "a pre-activation is not below 16"),
        # Python int too large to convert to C long, where a network of ReLU reached 2^63.
        (torch.nn.ReLU, 1e8, 1e4, "a pre-activation is not below 16"),
        (torch.nn.Tanh, 1e-6, 1e6, r"inner products reach 2\^62"),
    ],
)
def test_numbers_out_of_the_checkers_range_are_refused(
    certificate: Certificate, activation: type[torch.nn.Module], weights: float, inputs: float, says: str
) -> None:
    X, y = datasets.sphere(4, 3, 2.0)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 8), activation(), torch.nn.Linear(8, 1)).double()
    with torch.no_grad():
        next(net.parameters()).mul_(weights)
    problem = replace(verify.certify(net, inputs * X, y, scope="point").problem, lr=Fraction(1, 10))
    with pytest.raises(NotCertainError, match=says):
        find_witness(formal_problem(replace(certificate, problem=problem)))


def test_a_kernel_that_is_nearly_singular_is_refused_with_a_remedy_that_works(certificate: Certificate) -> None:
    """Two samples 2^-20 apart; without one of them nothing is refused."""
    X, _ = datasets.sphere(3, 3, 2.0)
    X[2] = X[1] + 2.0**-20
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()
    y = net(torch.tensor(X)).detach().numpy() + 1e-12

    def found(rows: int) -> object:
        problem = verify.certify(net, X[:rows], y[:rows], scope="point").problem
        return find_witness(formal_problem(replace(certificate, problem=replace(problem, lr=Fraction(1, 10)))))

    with pytest.raises(NotCertainError, match="of two samples that nearly repeat, remove one"):
        found(3)
    assert found(2)


def test_a_place_that_cannot_be_written_to_is_refused_before_anything_is_done(
    certificate: Certificate, tmp_path: Path
) -> None:
    path = certificate.save(tmp_path / "c.zip")
    for folder in (tmp_path / "absent", path):
        with pytest.raises(InputError, match="is no folder that can be written to"):
            coq_accept.accept(path, folder / "c.v")
    with pytest.raises(InputError, match=r"absent\.zip cannot be read"):
        coq_accept.accept(tmp_path / "absent.zip", tmp_path / "c.v")


def test_a_file_whose_doubles_were_altered_is_refused(certificate: Certificate, tmp_path: Path) -> None:
    folder = certificate.save(tmp_path / "cert")
    arrays = max(folder.rglob("*.npy"), key=lambda path: path.stat().st_size)
    values = np.load(arrays)
    values.flat[0] += 0.5
    np.save(arrays, values)
    with pytest.raises(InputError, match="altered"):
        coq_accept.accept(folder, tmp_path / "altered.v")


@pytest.mark.parametrize(("loss", "scale"), [("mean", "(1 # 8)"), ("sum", "(1 # 1)"), ("mse", "(1 # 4)")])
def test_the_statement_names_loss_step_and_parametrisation(certificate: Certificate, loss: Loss, scale: str) -> None:
    changed = replace(certificate, problem=replace(certificate.problem, loss=loss))
    problem, numbers = formal_problem(changed), find_witness(formal_problem(certificate))
    text, words = to_coq(problem, numbers, "converges", ""), coq_accept._statement(changed, problem, numbers)
    assert f"loss_scale := {scale}; lr := (1 # 100)" in text
    assert f"step 1/100 on Φ = (s/2)·‖F − y‖², s = {Fraction(scale[1:-1].replace(' # ', '/'))} ({loss} loss)" in words
    assert (
        "3-48-1 tanh (PyTorch parametrisation) and 8 samples, from the stored parameters (241 doubles, none rounded)"
        in words
    )
