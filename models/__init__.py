"""What is true: tables, lives and rules, in plain SQLAlchemy, without Flask and without a clock."""
