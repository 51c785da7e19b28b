"""The Django app: models served live, predictions logged, experiments tallied."""
