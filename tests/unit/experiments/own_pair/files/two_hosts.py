from locust import HttpUser, task


class Visitor(HttpUser):
    @task
    def home(self) -> None:
        self.client.get("/home")
        self.client.get("http://127.0.0.1:9/elsewhere", name="elsewhere")
