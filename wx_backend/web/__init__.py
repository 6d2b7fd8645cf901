"""What pages are dressed in: the layout, our own style and script, and the files that npm brings."""
