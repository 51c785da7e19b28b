"""Everything that writes rows: one verb per function, each in one transaction."""
