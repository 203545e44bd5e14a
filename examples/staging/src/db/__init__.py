"""Tables, sessions and the queries over them."""
