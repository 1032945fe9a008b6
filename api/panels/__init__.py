"""Panic buttons into alarms, alarms into sirens, lamps, doors and public address.

`judge` is pure; `modbus` talks to one module, `calls` to outputs over HTTP; `panels` runs them.
"""
