"""What can go wrong in training, whichever way it is done."""


class BadRecipe(Exception):
    """A recipe with unknown keys or impossible values; the message lists them all."""


class TrainingFailed(Exception):
    """Training that can't go on; the message says at which step and why."""
