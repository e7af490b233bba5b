"""`python -m residual` is the command `residual`."""

from residual.cli import main

if __name__ == "__main__":
    main()
