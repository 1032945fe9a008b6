"""Annotated pictures, drawn when somebody asks for one."""
