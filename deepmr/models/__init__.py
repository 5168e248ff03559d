"""Networks: (batch, 4, length) one-hot sequence to (batch, task) raw outputs.

A model takes the sequence length and the positions of exposure and outcome tasks among its
outputs: ``Model(length, exposures, outcomes, **architecture)``.

Example:
    >>> import torch
    >>> one_hot = torch.eye(4)[torch.randint(4, (2, 200))].swapaxes(1, 2)
    >>> scanner, paper = MotifScanner(200, [0], [1]), PaperCNN(200, [0], [1])
    >>> scanner(one_hot).shape, paper(one_hot).shape
    (torch.Size([2, 2]), torch.Size([2, 2]))

    Parts of a network of your own: separate heads, whose outputs start at the data's location and
    spread, and the probability that a motif occurs anywhere:

    >>> heads = Heads(8, [0], [1, 2], hidden=[4])
    >>> heads(torch.zeros(5, 8)).shape, set_output_statistics(heads, torch.zeros(3), torch.ones(3))
    (torch.Size([5, 3]), True)
    >>> SoftOr()(torch.zeros(1, 1, 2))  # two places, each bound half of the time
    tensor([[0.7500]])

    How a task of a network trained elsewhere is read (see `Adapter`):

    >>> from deepmr.tasks import Task
    >>> read = Readout(task=Task("GATA1"), channel=1, activation="sigmoid")
    >>> read.name, as_read(torch.zeros(1)).item()  # an adapter undoes activations itself
    ('GATA1', 0.0)
"""

from deepmr.models.adapter import Adapter, as_read
from deepmr.models.basset import Basset
from deepmr.models.beluga import Beluga
from deepmr.models.cnn import MotifScanner, SoftOr
from deepmr.models.danq import DanQ
from deepmr.models.deepsea import DeepSEA
from deepmr.models.grelu import GReLU
from deepmr.models.heads import Heads, set_output_statistics
from deepmr.models.input_format import InputFormat
from deepmr.models.paper import PaperCNN
from deepmr.models.positions import Positions
from deepmr.models.readout import Readout
from deepmr.models.residual_cnn import ResidualCNN

__all__ = [
    "Adapter",
    "Basset",
    "Beluga",
    "DanQ",
    "DeepSEA",
    "GReLU",
    "Heads",
    "InputFormat",
    "MotifScanner",
    "PaperCNN",
    "Positions",
    "Readout",
    "ResidualCNN",
    "SoftOr",
    "as_read",
    "set_output_statistics",
]
