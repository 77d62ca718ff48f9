"""Training the detector that ships."""
