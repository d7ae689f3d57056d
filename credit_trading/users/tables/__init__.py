"""What stands in a user's file: tables, views, descriptions of both, and how the journal's events become rows."""
