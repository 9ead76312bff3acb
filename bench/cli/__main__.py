"""`python -m bench.cli` is `shopbench`."""

from bench.cli import main

main()
