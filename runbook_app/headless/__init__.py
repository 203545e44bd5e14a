"""The same session printed line by line, and driven without a screen."""
