"""What paired requests say: `rounds` reads them as ratios by start, `judge` gives them words,
`turn_rows` finds the turns of two services of the user's own.

The experiments ask it when to stop, the report asks it what was found.
"""
