"""Pictures into short clips as cameras and platforms would have made them: moved, lit, encoded."""
