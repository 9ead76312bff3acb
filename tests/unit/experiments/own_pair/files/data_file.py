import csv
from pathlib import Path

from locust import FastHttpUser, task

with Path("people.csv").open() as people:
    ROWS = list(csv.DictReader(people))


class Person(FastHttpUser):
    @task
    def account(self) -> None:
        row = ROWS[self.environment.runner.user_count % len(ROWS)]
        self.client.get(f"/accounts/{row['id']}", name="account")
