"""Many pairs of videos with known answers, compared and judged: what the comparison gets right."""
