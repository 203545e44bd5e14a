"""View models: pure functions from a session's state to lines of text. No Textual, no Rich."""
