"""What the statistics refuse to do. Neighbours: every module of `bench.stats` raises these."""


class StatisticsError(ValueError):
    """A precondition is broken: not finite, not positive, shapes differ, level outside 0..1."""


class TooFewSamples(StatisticsError):
    """A number was asked for that this few samples cannot carry."""
