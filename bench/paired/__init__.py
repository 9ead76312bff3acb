"""What paired requests say: `rounds` reads them as ratios by start, `judge` turns ratios into words,
`turn_rows` finds the turns of a user's own two services.

The experiments ask it when to stop, the report asks it what was found.
"""
