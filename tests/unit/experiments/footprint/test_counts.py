"""What the kernel keeps for processes: connections counted once, planted ones seen."""

import os
import socket

from bench.experiments.footprint.databases import folder_bytes
from bench.experiments.footprint.process_counts import count, established, inodes, unix_sockets

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1
   1: 0100007F:1F40 0100007F:A3B2 01 00000000:00000000 00:00000000 00000000     0        0 12 1
   2: 0100007F:A3B2 0100007F:1F40 01 00000000:00000000 00:00000000 00000000     0        0 13 1
"""
UNIX = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 21 /run/x
0000000000000000: 00000003 00000000 00000000 0001 03 22
"""


def test_both_ends_of_a_connection_are_one_pair_and_a_listener_is_none() -> None:
    found = established(TCP.splitlines())
    assert found.keys() == {"12", "13"}
    assert found["12"] == found["13"] == {"0100007F:1F40", "0100007F:A3B2"}


def test_an_address_of_ipv4_is_the_same_in_both_tables() -> None:
    wide = TCP.replace("0100007F:", "0000000000000000FFFF00000100007F:")
    assert established(wide.splitlines()) == established(TCP.splitlines())


def test_unix_sockets_and_descriptors_are_told_apart() -> None:
    assert unix_sockets(UNIX.splitlines()) == {"21", "22"}
    assert list(inodes(["socket:[12]", "/dev/null", "pipe:[9]"])) == ["12"]


def test_a_planted_connection_raises_the_count() -> None:
    me = {"me": [os.getpid()]}
    before = count(me)
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        pair = socket.socketpair()
        after = count(me)
        for each in (client, accepted, *pair):
            each.close()
    assert before.tcp_inside is not None
    assert after.tcp_inside == before.tcp_inside + 1
    assert before.unix_sockets is not None
    assert after.unix_sockets == before.unix_sockets + 2
    assert before.descriptors is not None
    assert after.descriptors is not None
    assert after.descriptors["me"] >= before.descriptors["me"] + 5


def test_a_process_that_has_ended_counts_for_nothing() -> None:
    gone = os.fork()
    if not gone:
        os._exit(0)
    os.waitpid(gone, 0)
    found = count({"gone": [gone]})
    assert (found.threads, found.descriptors) == ({"gone": 0}, {"gone": 0})


def test_a_folder_has_an_apparent_and_an_allocated_size(tmp_path) -> None:
    (tmp_path / "below").mkdir()
    with (tmp_path / "below" / "sparse").open("wb") as file:
        file.truncate(2**20)
    apparent, allocated = folder_bytes(tmp_path)
    assert apparent == 2**20
    assert allocated < 2**20
