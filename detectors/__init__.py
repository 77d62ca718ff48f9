"""From crops, or a whole video, to scores."""
