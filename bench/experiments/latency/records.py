"""What both halves of `latency` call its trials and settings."""

NAME = "latency"  # of the experiment, its trials and its settings
OF_TWO = "latency-two"  # of the trials in rounds of the named pair alone
