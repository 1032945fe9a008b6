"""Pictures with their capture times, from cameras, recordings and programs."""
