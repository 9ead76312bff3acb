from locust import HttpUser, task


class Opener(HttpUser):
    """A base without tasks, and not marked as abstract."""

    def open(self, path: str) -> None:
        self.client.get(path)


class Visitor(Opener):
    @task
    def home(self) -> None:
        self.open("/home")
