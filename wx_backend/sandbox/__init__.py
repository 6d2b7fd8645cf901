"""An offline two-way WeChat: the platform's API here, people's phones there. It knows only the protocol."""
