"""HTTP layer: application, middleware, routes and the shapes they exchange."""
