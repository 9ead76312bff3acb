"""Experiments: paired trials in blocks, behind validity gates. `runner.run` is the door."""
