"""Networks: (batch, 4, length) one-hot sequence to (batch, task) raw outputs.

A model takes the sequence length and the positions of exposure and outcome tasks among its
outputs: ``Model(length, exposures, outcomes, **architecture)``.
"""

from deepmr.models.adapter import Adapter, as_read
from deepmr.models.basset import Basset
from deepmr.models.beluga import Beluga
from deepmr.models.cnn import MotifScanner
from deepmr.models.danq import DanQ
from deepmr.models.deepsea import DeepSEA
from deepmr.models.grelu import GReLU
from deepmr.models.heads import Heads, set_output_statistics
from deepmr.models.input_format import InputFormat
from deepmr.models.paper import PaperCNN
from deepmr.models.pooling import SoftOr
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
