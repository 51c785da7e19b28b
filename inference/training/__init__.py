"""Making a model, step by step with typed files between the steps; serving never imports it."""
