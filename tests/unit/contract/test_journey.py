"""Transcripts hide what may differ between deployments and nothing else."""

from dataclasses import replace

from bench.contract.journey import Entry, _Names, differences
from bench.contract.journey_actions import ACTIONS

FIRST_ID = "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"
OTHER_ID = "1192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"


def test_ids_are_named_in_the_order_of_their_appearance() -> None:
    names = _Names("mark")
    assert names.text(f"/orders/{OTHER_ID}/x/{FIRST_ID}") == "/orders/<id 1>/x/<id 2>"
    assert names.value({"id": FIRST_ID, "items": [OTHER_ID]}) == {
        "id": "<id 2>",
        "items": ["<id 1>"],
    }


def test_times_cursors_tokens_and_the_runs_own_name_are_hidden() -> None:
    names = _Names("f00d")
    body = {
        "created_at": "2026-01-02T03:04:05.678Z",
        "next_cursor": "abc",
        "access_token": "a.b.c",
        "name": "tea f00d",
    }
    assert names.value(body) == {
        "created_at": "<time>",
        "next_cursor": "<next_cursor>",
        "access_token": "<access_token>",
        "name": "tea <run>",
    }
    assert names.value({"next_cursor": None}) == {"next_cursor": None}


def test_amounts_statuses_and_nulls_stay() -> None:
    body = {"status": "confirmed", "total_cents": 5, "payment_id": None, "flag": True}
    assert _Names("mark").value(body) == body


def test_differences_name_the_step() -> None:
    entry = Entry(3, "deposit", "POST /wallet/deposits", 201, {"balance_cents": 1})
    assert differences([entry], [entry]) == []
    (line,) = differences([entry], [replace(entry, status=500)])
    assert "step 3 deposit" in line
    assert differences([entry], []) == ["1 steps against 0"]


def test_every_action_can_be_drawn() -> None:
    names = [action.__name__ for action, weight in ACTIONS if weight > 0]
    assert len(names) == len(set(names)) == len(ACTIONS)
