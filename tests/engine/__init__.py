"""The engine with real event loops; threads that are real, or go only when told to."""
