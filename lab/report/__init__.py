"""What a run found: as data (result), and for people (terminal)."""
