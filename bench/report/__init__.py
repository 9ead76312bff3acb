"""Turns a run folder into what a reader needs: verdicts, summary, figures and one HTML page.

Everything is rebuilt from `journal.json` and the raw rows; nothing here measures. Neighbours:
`bench.results.journal` knows the files, `bench.stats` the mathematics.
"""
