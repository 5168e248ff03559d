"""Training and prediction on Lightning's engine: the only room that knows Lightning and W&B."""

import logging
import warnings

# Lightning tells of hardware it did not find, once a Trainer, and of its own deprecations.
for _name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch"):
    logging.getLogger(_name).setLevel(logging.WARNING)
warnings.filterwarnings("ignore", message=".*isinstance\\(treespec, LeafSpec\\).*")
warnings.filterwarnings("ignore", message=".*does not have many workers.*")
warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
