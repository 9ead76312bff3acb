"""`python -m microservices.users`"""

from microservices.chassis.runner import main
from microservices.users.app import SPEC

if __name__ == "__main__":
    main(SPEC)
