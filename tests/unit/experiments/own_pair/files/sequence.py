from locust import FastHttpUser, SequentialTaskSet, task


class Purchase(SequentialTaskSet):
    def on_start(self) -> None:
        self.client.post("/login", json={}, name="login")

    @task
    def look(self) -> None:
        self.client.get("/look")

    @task
    def buy(self) -> None:
        self.client.post("/buy", json={})


class Customer(FastHttpUser):
    tasks = [Purchase]
