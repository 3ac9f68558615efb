"""HTTP: where the server listens, what each request must pass, and the routes."""
