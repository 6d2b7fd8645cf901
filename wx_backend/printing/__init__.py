"""What is printed on paper: the notice sheet of a centre, and the fonts that it needs."""
