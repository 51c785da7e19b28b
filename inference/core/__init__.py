"""Every decision, as values and functions that know no clock, loop, socket or framework."""
