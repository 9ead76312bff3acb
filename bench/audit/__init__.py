"""Judges a shop's data after a run: invariants I1-I11, from audit views and history.

`views` reads, `settlement|money|stock|acknowledged|effects|references|reads` judge pure rows,
`judge` puts the verdicts together, `history` is what the client saw. While a shop still works
`sampler` reads and `transients` says what is inconsistent for the moment.
"""
