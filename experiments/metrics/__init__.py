"""Measures of detection, each with its interval."""
