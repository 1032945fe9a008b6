"""Which pictures are analysed, and what that costs a worker."""
