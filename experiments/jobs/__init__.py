"""Work on many videos: worker processes that may die."""
