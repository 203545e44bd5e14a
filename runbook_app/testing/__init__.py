"""Fakes for tests and for action authors; they pass the contract suite of the real things."""
