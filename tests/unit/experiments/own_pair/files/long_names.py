from locust import FastHttpUser, task

LONG = "/" + "long-" * 13  # 66 characters that both have in common


class Visitor(FastHttpUser):
    @task
    def one(self) -> None:
        self.client.get(LONG + "one")

    @task
    def other(self) -> None:
        self.client.get(LONG + "other")
