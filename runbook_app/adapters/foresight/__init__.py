"""Capabilities over a target that is only read: what would change is laid over it and told.

One capability a file. Reads fall through to the target as it is, where nothing is predicted to
have changed it; files that are predicted are read as predicted. What runs (containers, the
database, answers) is never told as it was once something is predicted to change it.
"""
