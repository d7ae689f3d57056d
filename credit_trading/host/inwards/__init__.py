"""What the host asks for: from rows of requests to commands, each once."""
