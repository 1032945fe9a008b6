"""Whether a camera's picture, stream and count can be believed."""
