"""Notebooks, what they draw and start with, and the pages they are read as."""
