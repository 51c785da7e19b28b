"""The REST control plane, on Django REST framework."""
