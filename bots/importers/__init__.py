"""Where a shop moves in from: one folder a source, found by its manifest."""
