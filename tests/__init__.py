"""The tests, one folder per tier; see `docs/` for what each promises."""
