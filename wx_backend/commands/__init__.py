"""What an operator can say on the command line, a module for each kind of work; `wx_backend.cli` finds them by name."""
