"""Published weights in other formats, turned into our checkpoints."""
