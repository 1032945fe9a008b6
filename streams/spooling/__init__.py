"""Records on their way to the service: made, stored, sent until accepted."""
