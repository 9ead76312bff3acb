"""One random journey, the same answers from every deployment."""

from collections import Counter

from bench.contract.journey import Entry, differences

# At least these answers must be among the 500, or the journey would compare too little.
EXPECTED_STATUSES = frozenset({200, 201, 400, 401, 402, 403, 404, 405, 409, 413, 422})


def test_the_journey_gives_the_statuses_and_bodies_of_the_monolith(
    transcript: list[Entry], reference: list[Entry]
) -> None:
    assert differences(reference, transcript) == []


def test_the_journey_meets_every_kind_of_answer(transcript: list[Entry]) -> None:
    statuses = Counter(entry.status for entry in transcript)
    assert len(transcript) == 500
    assert set(statuses) >= EXPECTED_STATUSES
    assert not [entry for entry in transcript if entry.status >= 500]
