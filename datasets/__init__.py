"""From a video file to face crops."""
