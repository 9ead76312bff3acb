from locust import FastHttpUser, LoadTestShape, task


class UpThenStop(LoadTestShape):
    def tick(self) -> tuple[int, int] | None:
        return (10, 5) if self.get_run_time() < 30 else None


class Visitor(FastHttpUser):
    @task
    def home(self) -> None:
        self.client.get("/home")
