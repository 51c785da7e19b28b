"""The asynchronous shell around the core: it waits, asks and obeys."""
