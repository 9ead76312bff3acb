"""Who gets the next request: least outstanding, ejection that grows, the way back, the list."""

import pytest

from bench.deployments.edge.replicas import (
    FIRST_EJECTION_S,
    LONGEST_EJECTION_S,
    Address,
    Replica,
    Replicas,
    parse_address,
)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def three(clock: Clock) -> Replicas:
    replicas = Replicas(clock, 4)
    replicas.set_addresses([Address("127.0.0.1", port) for port in (1, 2, 3)])
    return replicas


def take(replicas: Replicas) -> Replica | None:
    found = replicas.choose()
    if found is not None:
        found.outstanding += 1
    return found


def test_the_least_busy_one_is_chosen(three: Replicas) -> None:
    first, second, third = three.listed
    first.outstanding, second.outstanding, third.outstanding = 2, 1, 3
    assert three.choose() is second


def test_equals_take_turns(three: Replicas) -> None:
    assert {three.choose() for _ in range(3)} == set(three.listed)


def test_none_is_given_more_than_its_limit(three: Replicas) -> None:
    taken = [take(three) for _ in range(13)]
    assert taken[-1] is None
    assert [each.outstanding for each in three.listed] == [4, 4, 4]


def test_an_ejected_one_is_left_out(three: Replicas) -> None:
    three.failed(three.listed[0])
    assert {three.choose() for _ in range(9)} == set(three.listed[1:])


def test_with_all_ejected_they_are_tried_all_the_same(three: Replicas) -> None:
    for replica in three.listed:
        three.failed(replica)
    assert three.choose() is not None
    assert three.choose(three.listed) is None


def test_an_ejection_ends_with_a_probe_and_doubles_without(three: Replicas, clock: Clock) -> None:
    replica = three.listed[0]
    three.failed(replica)
    lengths = []
    for _ in range(8):
        lengths.append(replica.back_at - clock.now)
        clock.now = replica.back_at
        assert three.due_for_probe() == [replica]
        three.probed(replica, ready=False)
        assert three.due_for_probe() == []
    assert lengths[:3] == pytest.approx([FIRST_EJECTION_S * 2**n for n in range(3)])
    assert max(lengths) == pytest.approx(LONGEST_EJECTION_S)
    three.probed(replica, ready=True)
    assert replica.state == "in"


def test_after_a_calm_time_an_ejection_is_short_again(three: Replicas, clock: Clock) -> None:
    replica = three.listed[0]
    for _ in range(3):
        three.failed(replica)
        three.probed(replica, ready=True)
    assert replica.streak == 3
    clock.now += 60
    three.failed(replica)
    assert replica.streak == 1


def test_who_stays_in_the_list_keeps_its_counts_and_who_leaves_ends_its_work(
    three: Replicas,
) -> None:
    first, second, _ = three.listed
    first.counts.requests, second.outstanding = 7, 1
    three.set_addresses([first.address, Address("127.0.0.1", 9)])
    assert three.listed[0].counts.requests == 7
    assert [each.address.port for each in three.everyone] == [1, 9, 2]
    assert three.choose() is not second
    three.ended(second)
    assert [each.address.port for each in three.everyone] == [1, 9]


def test_an_unproven_one_is_asked_first(clock: Clock) -> None:
    replicas = Replicas(clock, 4)
    replicas.set_addresses([Address("a", 1)], proven=False)
    assert replicas.due_for_probe() == list(replicas.listed)


@pytest.mark.parametrize("text", ["", "host", "host:", ":1", "host:0", "host:65536", "host:x"])
def test_a_broken_address_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="no host:port"):
        parse_address(text)


def test_addresses_are_read() -> None:
    assert parse_address("[::1]:80") == Address("::1", 80)
    assert str(Address("::1", 80)) == "[::1]:80"
