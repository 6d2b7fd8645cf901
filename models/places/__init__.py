"""Areas, centres, rooms and stations, their hours, and who or what is taken when."""
