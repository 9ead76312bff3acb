import time

from locust import FastHttpUser, task


class Reader(FastHttpUser):
    @task
    def read_then_think(self) -> None:
        self.client.get("/first")
        time.sleep(0.2)
        self.client.get("/second")
