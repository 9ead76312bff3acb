from typing import Any

from locust import FastHttpUser, events, task
from locust.runners import MasterRunner


@events.init_command_line_parser.add_listener
def add_arguments(parser: Any) -> None:
    parser.add_argument("--tenant", default="acme")


@events.init.add_listener
def told(environment: Any, **_: Any) -> None:
    if not isinstance(environment.runner, MasterRunner):
        print("tenant", environment.parsed_options.tenant)


class Visitor(FastHttpUser):
    @task
    def home(self) -> None:
        tenant = self.environment.parsed_options.tenant
        self.client.get(f"/{tenant}/home", name=f"home of {tenant}")
