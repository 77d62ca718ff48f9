"""Training any detector on prepared crops: one recipe, one loop."""
