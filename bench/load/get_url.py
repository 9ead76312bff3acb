"""A locustfile that asks for the URL itself: what `shopbench` runs on two URLs without a file."""

# mypy: disable-error-code="untyped-decorator"
# Locust has no types.

from locust import FastHttpUser, task


class Caller(FastHttpUser):  # type: ignore[misc]  # Locust has no types
    """Asks again and again for the address that it was given."""

    @task
    def get(self) -> None:
        """GET the URL."""
        self.client.get("", name="GET")
