"""Where a shop runs: one small protocol (`base`) and a driver for each place (`local`)."""
