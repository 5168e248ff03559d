"""Train an ensemble on sequence and calibrate it: `python train.py --help`."""

from deepmr.cli import run, scripts

if __name__ == "__main__":
    run(scripts.train, "train")
