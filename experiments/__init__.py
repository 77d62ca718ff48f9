"""From scores to conclusions."""
