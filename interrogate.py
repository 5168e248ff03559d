"""Ask a trained ensemble a causal question: `python interrogate.py --help`."""

from deepmr.cli import run
from deepmr.cli.scripts import interrogate as main

if __name__ == "__main__":
    run(main, "interrogate")
