"""Routers, one subject a module."""
