from locust import HttpUser, TaskSet, task


class Browsing(TaskSet):
    @task(3)
    def item(self) -> None:
        self.client.get("/item")

    @task(1)
    def leave(self) -> None:
        self.interrupt()


class Polling(TaskSet):
    """Never interrupts itself: whoever came here stays."""

    @task
    def poll(self) -> None:
        self.client.get("/poll")


class Visitor(HttpUser):
    tasks = {Browsing: 2, Polling: 1}
