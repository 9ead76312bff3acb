"""What paired rounds say: `rounds` reads them as ratios by start, `judge` turns ratios into words.

The experiments ask it when to stop, the report asks it what was found.
"""
