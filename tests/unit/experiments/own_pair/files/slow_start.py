import gevent
from locust import FastHttpUser, task


class Visitor(FastHttpUser):
    def on_start(self) -> None:
        gevent.sleep(1.0)

    @task
    def home(self) -> None:
        self.client.get("/home")
