from locust import FastHttpUser, task


class Customer(FastHttpUser):
    weight = 9

    @task
    def look(self) -> None:
        self.client.get("/look")


class Clerk(FastHttpUser):
    """One at any number of users; most of its visits find nothing to do."""

    fixed_count = 1

    def on_start(self) -> None:
        self.visits = 0

    @task
    def now_and_then(self) -> None:
        self.visits += 1
        if self.visits % 5 == 1:
            self.client.get("/clerk")
