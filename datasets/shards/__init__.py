"""Prepared crops: tar shards, and a Parquet index for random access."""
