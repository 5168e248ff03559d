"""Train an ensemble on sequence and calibrate it: `python train.py --help`."""

from deepmr.cli import run
from deepmr.cli.scripts import train as main

if __name__ == "__main__":
    run(main, "train")
