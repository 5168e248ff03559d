"""Ask a trained ensemble a causal question: `python interrogate.py --help`."""

from __future__ import annotations

from pathlib import Path

import hydra
from omegaconf import DictConfig

from deepmr import cli

CONF = Path(__file__).resolve().with_name("conf")


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="interrogate")
@cli.job
def main(config: DictConfig) -> float:
    """Mutate, estimate, pool, report; return the pooled effect for a sweeper."""
    from deepmr.cli.question import interrogation_plan
    from deepmr.workflow.interrogate import interrogate

    return interrogate(interrogation_plan(config))


if __name__ == "__main__":
    cli.run(main, "interrogate")
