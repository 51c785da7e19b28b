"""The design of the well-known Django tutorial: DRF view, model in the view, a row per request."""
