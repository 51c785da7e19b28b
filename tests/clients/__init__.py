"""Scripts that the Pythons of public clients run: see `tests/e2e/test_public_clients.py`."""
