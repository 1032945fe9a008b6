"""Where a camera hangs and looks, from clicked points and from what its picture shows."""
