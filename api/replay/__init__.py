"""What another threshold profile would have said of recorded readings."""
