"""Where things are: planes, zones, walls and the pinhole camera, in the plan frame."""
