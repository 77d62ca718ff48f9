"""One self-contained HTML page for a scored video."""
