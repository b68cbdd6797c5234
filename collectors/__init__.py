"""Collectors hear the outside world and say what they heard as events.

Each has a pure mapping (what does this mean?) and a thin listener (hear, keep, publish). They judge nothing and act on
nothing; what they cannot map stays visible as it came.
"""
