"""Users and their files: names, the catalogue, the schema of a user's file, and the projection that fills it from the journal."""
