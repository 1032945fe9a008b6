"""Training of the head network. The only place of the project that imports torch.

Nothing here is imported at run time of the service; `python -m models.training.train` and
`python -m models.training.export` are the commands.
"""
