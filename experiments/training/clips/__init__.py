"""Clips with known answers to train and validate the shipped detector on, made from genuine faces."""
