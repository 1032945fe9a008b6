"""Alarms: what the desk must see, acknowledge and close.

`values` and `machine` are pure; `signals` says what a reading or a camera means for an alarm;
`store` keeps alarms and their append-only history in the database.
"""
