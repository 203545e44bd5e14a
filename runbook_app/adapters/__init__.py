"""One outside thing a module; each translates its library's errors into our own."""
