"""Injects faults into a running shop. `points` arms the fault points compiled into both arms."""
