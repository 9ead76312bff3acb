from locust import FastHttpUser, task


class Visitor(FastHttpUser):
    @task
    def broken(self) -> None:
        print(1 / 0)
