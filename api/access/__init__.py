"""People and rights: who asks, what they may do, and where.

rights.py    rights, roles, and which role holds which right
actor.py     one signed-in person: roles by site and zone, and the one question `may`
guard.py     the dependency that every route carries, and the walk that finds a route without one
scoping.py   the desk's objects (zones, cameras, alarms) cut down to what an actor may see
"""
