import random

from locust import FastHttpUser, task


class Visitor(FastHttpUser):
    @task
    def item(self) -> None:
        self.client.get(f"/items/{random.randrange(120)}")
