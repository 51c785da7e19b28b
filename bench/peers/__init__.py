"""What others would have built for the same job, run as they run it."""
