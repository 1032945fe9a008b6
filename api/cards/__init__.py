"""Action cards on the desk: which one an alarm shows, and which of its steps are ticked."""
