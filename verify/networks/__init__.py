"""Networks as enclosures: exact reading of torch modules, forward values, NTK and curvature bounds."""

from verify.networks.graph import Network, Pair, chain
from verify.networks.kernel import kernel_of, loss, loss_of, ntk, residual_of, scale_ball
from verify.networks.linearisation import Linearisation, linearise
from verify.networks.model import LOSS_WORDS, DataSet, Loss, loss_scale
from verify.networks.problem import Problem
from verify.networks.reading.data import read_data
from verify.networks.reading.modules import read_network

__all__ = [
    "LOSS_WORDS",
    "DataSet",
    "Linearisation",
    "Loss",
    "Network",
    "Pair",
    "Problem",
    "chain",
    "kernel_of",
    "linearise",
    "loss",
    "loss_of",
    "loss_scale",
    "ntk",
    "read_data",
    "read_network",
    "residual_of",
    "scale_ball",
]
