"""Following, naming oneself, linking to an elder or child."""
