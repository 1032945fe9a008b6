"""The project's own head network: reading its three maps."""
