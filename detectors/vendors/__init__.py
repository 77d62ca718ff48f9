"""Detectors from outside: services, model files, programs, functions, tables of scores."""
