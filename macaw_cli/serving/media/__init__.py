"""Media of requests, from bytes or URLs to the features that the model takes."""
