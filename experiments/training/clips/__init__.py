"""Clips with known answers to train and validate detectors on, made from genuine faces."""
