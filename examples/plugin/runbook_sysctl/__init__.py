"""Kernel settings in a file of the target."""
