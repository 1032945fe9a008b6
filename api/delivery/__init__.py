"""Delivery: each alarm step reaches every target outside, once, in order, and nothing is lost.

`outbox` writes rows in the transaction of the alarm; `queue`, `target` and `sender` (a process of
their own) bring them out over `drivers`; `monitor` turns faults into local alarms.
"""
