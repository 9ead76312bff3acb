"""`python -m microservices.gateway`"""

import argparse

from microservices.chassis.runner import run_command
from microservices.chassis.specs import ProcessSpec
from microservices.gateway.app import EDGE

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m microservices.gateway")
    parser.add_argument("command", nargs="?", choices=["serve"], default="serve")
    run_command(parser.parse_args(), ProcessSpec((), EDGE))
