"""What happens on the exchange, shown in the host's tables: from journal rows to rows, in one transaction with the position."""
