"""Who makes the visits of a plan: the shop's customers, or the users of a file of one's own.

Neighbours: `population` holds them, `userfile` loads a file, `worker` calls.
"""

from __future__ import annotations

import random
import types
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import locust
from locust import User
from locust.env import Environment
from locust.util.load_locustfile import is_user_class

from bench.load.listener import RowListener
from bench.load.plan import Plan, Side
from bench.load.population import Population, PopulationError, Progress, set_host
from bench.load.userfile import LocustfileError, load_userfile, where

SHOP_MODULE = "bench.locustfile"


def shop_side(plan: Plan, side: Side) -> tuple[Population, RowListener]:
    """Customers of the shop with their tokens, in classes of their own for each side."""
    classes = [
        types.new_class(
            cls.__name__, (cls,), exec_body=lambda body: body.update(_facts(plan, side))
        )
        for cls in _shop_classes()
    ]
    set_host(classes, side.base_url, plan.request_timeout_s)
    environment = Environment(user_classes=[], host=side.base_url)
    listener = RowListener(side.base_url, plan.sample_every)
    environment.events.request.add_listener(listener.listen)
    population = Population(environment, classes, plan.max_users)
    return population, listener


def own_side(
    plan: Plan, ready: Progress
) -> tuple[Population, RowListener, Callable[[Exception], str]]:
    """Started users of the plan's locustfile, and who says where in it an exception arose.

    `ready` is told of each user whose on_start is over.

    Once a process: the file, its modules and Locust's events keep what was registered with them.
    Raises LocustfileError.
    """
    path = Path(plan.locustfile)
    random.seed(plan.seed)
    file = load_userfile(path, plan.arguments)
    base_url = plan.sides[0].base_url
    listener = RowListener(base_url)
    try:
        environment = Environment(
            user_classes=list(file.classes),
            host=base_url,
            events=locust.events,
            locustfile=path.name,
            parsed_options=file.options,
        )
        environment.create_local_runner()
        environment.events.init.fire(
            environment=environment, runner=environment.runner, web_ui=None
        )
        environment.events.test_start.fire(environment=environment)
        environment.events.request.add_listener(listener.listen)
        set_host(file.classes, base_url, plan.request_timeout_s)
        population = Population(
            environment, file.classes, plan.max_users, plan.sides[0].host_header
        )
        population.start(plan.users, ready=ready)
    except PopulationError as exc:
        raise LocustfileError(f"{path.name}: {exc}") from exc
    except Exception as exc:
        raise LocustfileError(where(exc, path)) from exc
    return population, listener, lambda exc: where(exc, path)


def _facts(plan: Plan, side: Side) -> dict[str, Any]:
    """What the bench hands to the shop's classes; with signed tokens nobody logs in."""
    return {
        "tokens": side.tokens,
        "prefix": side.prefix,
        "shop": plan.shop,
        "on_start": User.on_start,
        "weight": 1,
    }


@cache
def _shop_classes() -> list[Any]:
    """By import: Locust's loader would have the current folder searched for what comes later."""
    found = vars(import_module(SHOP_MODULE)).values()
    return [value for value in found if is_user_class(value)]
