"""The same reminders in the hands of others: each peer is a worker process, fed as its documentation says."""
