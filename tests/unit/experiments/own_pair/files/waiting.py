from locust import FastHttpUser, between, constant_throughput, task


class Robot(FastHttpUser):
    wait_time = constant_throughput(2)

    @task
    def poll(self) -> None:
        self.client.get("/poll")


class Person(FastHttpUser):
    wait_time = between(1, 5)

    @task
    def home(self) -> None:
        self.client.get("/home")
