"""User commands: one class each; bindings, footer, palette and help page are made from them."""
