"""`python -m deepmr`: the installed command."""

from deepmr.cli.main import main

if __name__ == "__main__":
    main()
