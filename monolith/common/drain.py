"""The drain flag, shared by gunicorn's arbiter and its workers: one byte of memory over the fork.

Set by `config.gunicorn`, read by `/ready`.
"""

import mmap

_SERVING, _DRAINING, _CLOSING = 0, 1, 2
_state = mmap.mmap(-1, 1)


def begin() -> None:
    _state[0] = _DRAINING


def listener_closes() -> None:
    _state[0] = _CLOSING


def is_draining() -> bool:
    return _state[0] != _SERVING


def is_listener_closing() -> bool:
    return _state[0] == _CLOSING
