"""Orders alone in its process.

`python -m microservices.orders [serve | migrate | load-seed DIR]`
"""

from microservices.chassis.runner import main
from microservices.orders.app import SPEC

if __name__ == "__main__":
    main(SPEC)
