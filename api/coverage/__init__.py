"""Coverage audits of a site: what its cameras show of the places that must be seen."""
