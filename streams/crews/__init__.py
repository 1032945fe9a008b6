"""Cameras that are judged together, and how they go from worker to worker."""
