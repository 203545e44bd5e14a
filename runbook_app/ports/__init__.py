"""Protocols between the rings: what the engine, the screens and the actions may rely on."""
