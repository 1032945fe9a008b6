"""The safety plan as living work: ledger, records, feeds, imports, exports and pages."""
