"""`python -m api`: the same as the `xiaoan` command."""

from api.command import main

main()
