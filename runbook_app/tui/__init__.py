"""The terminal screens: what an operator or observer sees of a session."""
