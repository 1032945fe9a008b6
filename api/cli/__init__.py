"""The `xiaoan` command, one module for each group of commands; this one imports none of them."""
