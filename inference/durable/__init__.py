"""Requests whose answers outlive their connection: asked again, later, or by who is back.

Ids are what makes everything count once. They are fixed and committed before a request runs; then
it may run as often as it takes, in whatever process: the log keeps the first row of each id.
"""
