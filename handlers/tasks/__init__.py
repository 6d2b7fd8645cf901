"""What cadres read and answer about their tasks."""
