"""The errors of the benchmark that a user can cause; the command line prints one line for each."""


class ShopbenchError(Exception):
    """Something the user can mend. `exit_code`: 2 usage, 1 failed check, 3 environment."""

    def __init__(self, message: str, exit_code: int = 3) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
