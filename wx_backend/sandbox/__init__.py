"""An offline two-way WeChat: the platform's API on one side, people's phones on the other. It knows only the protocol."""
