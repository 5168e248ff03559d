"""Ask a trained ensemble a causal question: `python interrogate.py --help`."""

from deepmr.cli import run, scripts

if __name__ == "__main__":
    run(scripts.interrogate, "interrogate")
