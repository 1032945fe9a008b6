"""What is known of every zone and camera right now, and how old that knowledge is."""
