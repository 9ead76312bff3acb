import io

from locust import FastHttpUser, HttpUser, task


class Reader(FastHttpUser):
    @task
    def read(self) -> None:
        with self.rest("GET", "/thing") as answer:
            if answer.js is not None and "id" not in answer.js:
                answer.failure("no id")


class Uploader(HttpUser):
    @task
    def upload(self) -> None:
        file = ("a.txt", io.BytesIO(b"x" * 1000))
        with self.client.post("/files", files={"file": file}, catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure("refused")
