"""Scores become conclusions: how good a detector is, how sure that is, and who is better."""
