"""How far gunicorn is with draining: one byte that its arbiter shares with the workers.

Set by `config.gunicorn`, read by `/ready` and by the workers.
"""

import mmap

SERVING, DRAINING, LISTENER_CLOSING = range(3)
_stage = mmap.mmap(-1, 1)  # stays shared over the fork


def enter(stage: int) -> None:
    _stage[0] = stage


def stage() -> int:
    return _stage[0]
