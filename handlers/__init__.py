"""People speak: how a message finds its room, and what each room answers."""
