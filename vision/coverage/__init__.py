"""What cameras see of the plan, how finely and how surely, and where they should hang."""
