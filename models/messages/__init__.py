"""What was said to us and what we have still to say: inbox, dialogue, letters, receipts, reminders."""
