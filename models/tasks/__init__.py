"""What a cadre must do: phone somebody, confirm a link, help with a call."""
