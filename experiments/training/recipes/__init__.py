"""Recipes that ship: YAML files, each a detector, its training data and every number."""
