"""Passwords: the seed's hashes are known, and nobody's hash costs the same."""

import time

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, check_password, make_password

from bench.contract.seed import PASSWORD, password_hash

OF_THE_SEED = f"argon2{password_hash(1)}"  # as the seed's loader writes it


def test_a_hash_of_the_seed_is_verified() -> None:
    assert check_password(PASSWORD, OF_THE_SEED)
    assert not check_password(PASSWORD + "x", OF_THE_SEED)


def test_a_new_hash_has_the_parameters_of_the_contract() -> None:
    assert make_password(PASSWORD).startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_nobody_has_a_password_and_is_told_so_after_the_same_work() -> None:
    def seconds(encoded: str) -> float:
        begun = time.thread_time()
        assert not check_password("a wrong password", encoded)
        return time.thread_time() - begun

    unknown = min(seconds(UNUSABLE_PASSWORD_PREFIX) for _ in range(5))
    wrong = min(seconds(OF_THE_SEED) for _ in range(5))
    assert 0.5 < unknown / wrong < 2
