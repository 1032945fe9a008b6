"""From measurements to a level with its reasons: profiles, rules, dwell and hysteresis."""
