from locust import FastHttpUser, task
from names import NAMES


class Member(FastHttpUser):
    def on_start(self) -> None:
        self.name = NAMES.pop()
        self.client.post("/login", json={"name": self.name}, name="login")

    @task
    def account(self) -> None:
        self.client.get(f"/account/{self.name}", name="account")
