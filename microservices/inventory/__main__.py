"""Inventory alone in its process.

`python -m microservices.inventory [serve | migrate | load-seed DIR]`
"""

from microservices.chassis.runner import main
from microservices.inventory.app import SPEC

if __name__ == "__main__":
    main(SPEC)
