"""One module for each form the database has had."""
