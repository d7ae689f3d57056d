"""Reading users' files: answers that are kept as long as they are true, and questions that took long."""
