"""`macaw serve`: an HTTP server with the API of OpenAI, and the chat page."""
