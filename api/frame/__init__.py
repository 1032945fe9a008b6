"""What all pages share: the way from one to the other, and the start page that lists them."""
