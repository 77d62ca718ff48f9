"""Scoring one video and many."""
