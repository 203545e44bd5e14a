"""Fakes for our tests and for authors of actions; they pass the contract suite of the real things."""
