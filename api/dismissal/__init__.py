"""How many a school's ways out can carry, and a staggered dismissal that keeps its stairs calm."""
