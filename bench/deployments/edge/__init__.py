"""A thin HTTP/1.1 edge: one program that spreads requests over the replicas of anything.

It belongs to neither arm: the same process stands before the monolith's replicas and before those
of one service. Imports the standard library only (and uvloop where it is installed), so that it
can be put into a container image alone. `python -m bench.deployments.edge --help`.

`framing` reads messages, `replicas` chooses, `exchange` carries one request, `server` holds the
sockets, `admin` answers for counts and changes of the list.
"""
