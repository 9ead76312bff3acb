"""Judges a shop's data after a run: invariants I1-I8, I10 and I11, from audit views and history.

`views` reads, `settlement|money|stock|orders|effects|references` judge pure rows,
`judge` puts the verdicts together, `history` is what the client saw.
"""
