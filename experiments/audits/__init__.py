"""Audits of a benchmark's copy on disk: what stands in it, and what is wrong with it."""
