"""A suspect video beside the original: what stayed the same, what changed, and how sure that is."""
