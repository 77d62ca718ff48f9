"""A manifest becomes crops: on one machine or a cluster."""
