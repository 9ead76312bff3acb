"""Payments alone in its process.

`python -m microservices.payments [serve | migrate | load-seed DIR]`
"""

from microservices.chassis.runner import main
from microservices.payments.app import SPEC

if __name__ == "__main__":
    main(SPEC)
