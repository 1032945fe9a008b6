"""`xiaoan selftest`: a synthetic crowd goes in where the workers' records go in, and is followed
to every receipt. `crowd` makes it, `follow` looks for what became of it.
"""
