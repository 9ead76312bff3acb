"""What payments takes and refuses."""

import msgspec
import pytest

from microservices.payments.messages import Charge, Deposit

ID = "5b0e8a52-6c1d-5e0f-8f67-1c2d3e4f5a6b"


@pytest.mark.parametrize("amount", [0, -1, 100_000_001, 1.0, "5", True, None])
def test_a_deposit_outside_the_limits_is_refused(amount: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"amount_cents": amount}, Deposit)


def test_the_largest_order_can_be_charged() -> None:
    largest = 50 * 1000 * 10_000_000
    request = {"order_id": ID, "user_id": ID, "amount_cents": largest}
    assert msgspec.convert(request, Charge).amount_cents == largest
